package graph_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

type object = map[string]any

func input(pairs ...any) object {
	in := object{}
	for i := 0; i < len(pairs); i += 2 {
		in[pairs[i].(string)] = pairs[i+1]
	}
	return object{"input": in}
}

func TestFilesOverTheAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada, eve := setup(t, db), storetest.User(t, db, "ada@example.com"), storetest.User(t, db, "eve@example.com")
		id := b.create(t, ada, "Files")
		const change = `mutation($input: ChangeFilesInput!) { changeFiles(input: $input) { commit } }`
		first := at(b.do(as(ada), t, change, input("projectId", id, "changes", []any{
			object{"write": object{"path": "a.txt", "text": "one\ntwo\n"}},
			object{"write": object{"path": "bin/run", "text": "#!/bin/sh\n", "mode": "EXECUTABLE"}},
			object{"copy": object{"from": "a.txt", "to": "d/copy.txt"}},
		})), "changeFiles", "commit").(string)
		_, ext := b.try(as(ada), t, change, input("projectId", id, "changes", []any{object{"write": object{"path": "x", "text": "1"}, "delete": object{"path": "y"}}}))
		require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "changes"}, ext)
		_, ext = b.try(as(ada), t, change, input("projectId", id, "branch", "none", "changes", []any{object{"delete": object{"path": "y"}}}))
		require.Equal(t, object{"code": "NOT_FOUND", "field": "branch"}, ext)

		moved := at(b.do(as(ada), t, `mutation($input: MoveFileInput!) { moveFile(input: $input) { file { path text mode } commit } }`,
			input("projectId", id, "from", "a.txt", "to", "b.txt")), "moveFile")
		require.Equal(t, object{"path": "b.txt", "text": "one\ntwo\n", "mode": "REGULAR"}, at(moved, "file"))
		copied := b.do(as(ada), t, `mutation($input: CopyFileInput!) { copyFile(input: $input) { file { path } } }`, input("projectId", id, "from", "d", "to", "e"))
		require.Nil(t, at(copied, "copyFile", "file"), "a folder")
		b.do(as(ada), t, `mutation($input: DeleteFileInput!) { deleteFile(input: $input) { commit } }`, input("projectId", id, "path", "d", "recursive", true))
		b.do(as(ada), t, `mutation($input: WriteFileInput!) { writeFile(input: $input) { commit } }`, input("projectId", id, "path", "b.txt", "text", "one\n2\n"))

		p := at(b.do(as(ada), t, `query($id: ID!) { project(id: $id) {
			fileTree(depth: 2) { commit truncated entries { path name isFolder mode size } }
			fileHistory(path: "b.txt", first: 2) { nodes { path previousPath change commit { message } } pageInfo { hasNextPage endCursor } }
			blame(path: "b.txt") { ranges { startLine endLine path commit { hash } } truncated }
			storage { usedBytes limitBytes files filesLimit historyBytes historyLimitBytes } } }`, object{"id": id}), "project")
		require.Equal(t, object{"path": "bin/run", "name": "run", "isFolder": false, "mode": "EXECUTABLE", "size": 10.0}, at(p, "fileTree", "entries", 2))
		require.Equal(t, object{"path": "b.txt", "previousPath": "a.txt", "change": "MODIFIED", "commit": object{"message": "Move a.txt to b.txt"}}, at(p, "fileHistory", "nodes", 1))
		require.Equal(t, true, at(p, "fileHistory", "pageInfo", "hasNextPage"))
		require.Equal(t, first, at(p, "blame", "ranges", 0, "commit", "hash"))
		require.Equal(t, 3.0, at(p, "storage", "files"))
		require.Equal(t, 24.0, at(p, "storage", "usedBytes"))
		rest := at(b.do(as(ada), t, `query($id: ID!, $after: Cursor) { project(id: $id) { fileHistory(path: "b.txt", after: $after) { nodes { path change } pageInfo { hasNextPage } } } }`,
			object{"id": id, "after": at(p, "fileHistory", "pageInfo", "endCursor")}), "project", "fileHistory")
		require.Equal(t, object{"nodes": []any{object{"path": "a.txt", "change": "CREATED"}}, "pageInfo": object{"hasNextPage": false}}, rest)

		const search = `query($id: ID!, $query: FileSearch!, $first: Int, $after: Cursor) { searchFiles(projectId: $id, query: $query, first: $first, after: $after) {
			nodes { path line column text before } pageInfo { hasNextPage endCursor } truncated } }`
		page := at(b.do(as(ada), t, search, object{"id": id, "query": object{"pattern": "^o.e$", "regexp": true}, "first": 1}), "searchFiles")
		require.Equal(t, object{"path": "b.txt", "line": 1.0, "column": 1.0, "text": "one", "before": []any{}}, at(page, "nodes", 0))
		page = at(b.do(as(ada), t, search, object{"id": id, "query": object{"pattern": "^o.e$", "regexp": true}, "after": at(page, "pageInfo", "endCursor")}), "searchFiles")
		require.Equal(t, "e/copy.txt", at(page, "nodes", 0, "path"))
		require.Equal(t, false, at(page, "pageInfo", "hasNextPage"))
		_, ext = b.try(as(ada), t, search, object{"id": id, "query": object{"pattern": "x"}, "after": "nonsense"})
		require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "after"}, ext)

		d := at(b.do(as(ada), t, `query($id: ID!) { diff(projectId: $id) { fromCommit additions deletions truncated patch
			files { path status similarity mode isBinary hunks { oldStart lines { kind oldNumber newNumber text } } } } }`, object{"id": id}), "diff")
		require.Contains(t, at(d, "patch"), "-two\n+2\n")
		require.Equal(t, object{"kind": "DELETED", "oldNumber": 2.0, "newNumber": nil, "text": "two"}, at(d, "files", 0, "hunks", 0, "lines", 1))

		restored := at(b.do(as(ada), t, `mutation($input: RestoreFileInput!) { restoreFile(input: $input) { file { text } } }`,
			input("projectId", id, "path", "a.txt", "revision", first)), "restoreFile")
		require.Equal(t, object{"file": object{"text": "one\ntwo\n"}}, restored)
		b.do(as(ada), t, `mutation($input: RestoreTreeInput!) { restoreTree(input: $input) { commit } }`, input("projectId", id, "revision", first))

		const up = `mutation($input: CreateUploadLinkInput!) { createUploadLink(input: $input) { url expiresAt } }`
		link := at(b.do(as(ada), t, up, input("projectId", id, "path", "up.bin")), "createUploadLink", "url").(string)
		require.True(t, strings.HasPrefix(link, "https://zeblit.example/api/v1/projects/"+id+"/files?token="), link)
		b.do(as(ada), t, `mutation($input: CreateDownloadLinkInput!) { createDownloadLink(input: $input) { url } }`, input("projectId", id, "path", "a.txt", "expiresIn", 60))

		for _, query := range []string{change, up} {
			in := input("projectId", id, "changes", []any{object{"delete": object{"path": "a.txt"}}})
			if query == up {
				in = input("projectId", id, "path", "a.txt")
			}
			_, ext = b.try(as(eve), t, query, in)
			require.Equal(t, object{"code": "NOT_FOUND", "field": "projectId"}, ext)
		}
		for _, query := range []string{`query($id: ID!) { diff(projectId: $id) { patch } }`, `query($id: ID!) { searchFiles(projectId: $id, query: {glob: "*"}) { nodes { path } } }`} {
			_, ext = b.try(as(eve), t, query, object{"id": id})
			require.Equal(t, object{"code": "NOT_FOUND", "field": "projectId"}, ext)
		}
	})
}

func TestATextOfMoreThanAMebibyteIsNotTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var files *workspace.Workspace
		b, ada := setup(t, db, func(d *graph.Deps) { files = d.Workspace }), storetest.User(t, db, "ada@example.com")
		id := b.create(t, ada, "Large")
		for path, size := range map[string]int{"fits": workspace.MaxText, "large": workspace.MaxText + 1} {
			_, _, err := files.Upload(as(ada), workspace.UploadInput{On: workspace.Branch{ProjectID: id}, Path: path, Content: strings.Repeat("x", size)})
			require.NoError(t, err)
		}
		p := at(b.do(as(ada), t, `query($id: ID!) { project(id: $id) { files { nodes { path size isBinary text } } fits: file(path: "fits") { text } large: file(path: "large") { size text } } }`,
			object{"id": id}), "project")
		require.Len(t, at(p, "files", "nodes", 0, "text"), workspace.MaxText)
		large := object{"path": "large", "size": float64(workspace.MaxText + 1), "isBinary": false, "text": nil}
		require.Equal(t, large, at(p, "files", "nodes", 1))
		require.Len(t, at(p, "fits", "text"), workspace.MaxText)
		require.Nil(t, at(p, "large", "text"))
		moved := b.do(as(ada), t, `mutation($input: MoveFileInput!) { moveFile(input: $input) { file { path text } } }`, input("projectId", id, "from", "large", "to", "moved"))
		require.Equal(t, object{"path": "moved", "text": nil}, at(moved, "moveFile", "file"))
	})
}
