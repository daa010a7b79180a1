package graph_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/finding"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// awsKey is put together here, so that nobody takes it for a key of ours.
const awsKey = "AKIA" + "Z7QWJ4NTKE2RVX3M"

const (
	scanProject = `mutation($input: ScanProjectInput!) { scanProject(input: $input) { newFindings fixedFindings project { id findings { nodes { id } } } report {
		branch revision scannedAt advisoriesDate counts { severity open } checks { check scannedAt revision files skipped } notAssessed { check subject reason } } } }`
	dismissFinding = `mutation($input: DismissFindingInput!) { dismissFinding(input: $input) { finding { id state reason decidedBy { id } } } }`
	reopenFinding  = `mutation($input: ReopenFindingInput!) { reopenFinding(input: $input) { finding { id state reason decidedBy { id } } } }`
	findFindings   = `query($p: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor, $where: FindingFilter) { project(id: $p) {
		findings(first: $first, after: $after, last: $last, before: $before, where: $where) {
			nodes { id check rule file line severity evidence remedy cwe branch revision state reason decidedBy { id } run { id } agent { id } project { id } }
			pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`
	report = `query($p: ID!, $ref: String) { project(id: $p) { securityReport(ref: $ref) { branch counts { severity open } } } }`
)

// flawed is a project of ada's with one flaw of each kind that files have.
func flawed(t *testing.T, db *store.DB) *board {
	t.Helper()
	b := &board{t: t, ada: storetest.User(t, db, "ada@example.com"), guest: storetest.User(t, db, "guest@example.com"), eve: storetest.User(t, db, "eve@example.com")}
	b.bundle = setup(t, db, func(d *graph.Deps) {
		d.Findings = finding.New(finding.Options{DB: db, Log: d.Log, Files: d.Workspace, Page: func(context.Context, string, string) (*security.Page, error) {
			return nil, problem.New(problem.PreconditionFailed, "no previews here")
		}})
	})
	b.project = b.create(t, b.ada, "Flawed")
	require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project).SetUserID(b.guest.UserID).SetRole(enum.ProjectViewer).Exec(storetest.Unchecked(t.Context())))
	b.files("main", object{"write": object{"path": "app.js", "text": "const page = location.hash;\neval(page);\n"}},
		object{"write": object{"path": "deploy.py", "text": "aws_access_key_id = \"" + awsKey + "\"\n"}},
		object{"write": object{"path": "requirements.txt", "text": "pyyaml==5.1\nsomething>=1\n"}})
	return b
}

func (b *board) files(branch string, changes ...object) {
	b.t.Helper()
	b.do(as(b.ada), b.t, `mutation($input: ChangeFilesInput!) { changeFiles(input: $input) { commit } }`, input("projectId", b.project, "branch", branch, "changes", changes))
}

func (b *board) scan(pairs ...any) any {
	b.t.Helper()
	return at(b.do(as(b.ada), b.t, scanProject, input(append([]any{"projectId", b.project}, pairs...)...)), "scanProject")
}

// found are the files of the findings that a filter leaves, newest first.
func (b *board) found(where object) (files []string) {
	b.t.Helper()
	for _, n := range at(b.do(as(b.guest), b.t, findFindings, object{"p": b.project, "where": where}), "project", "findings", "nodes").([]any) {
		files = append(files, at(n, "file").(string))
	}
	return files
}

func open(v any) (n float64) {
	for _, c := range v.([]any) {
		n += at(c, "open").(float64)
	}
	return n
}

func TestWhatAScanSaysOverTheAPI(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := flawed(t, db)
		require.Nil(t, at(b.do(as(b.ada), t, report, object{"p": b.project}), "project", "securityReport"), "it was never scanned")
		require.Empty(t, b.found(nil))

		first := b.scan()
		n := len(at(first, "project", "findings", "nodes").([]any))
		require.Equal(t, []any{float64(n), 0.0, b.project}, []any{at(first, "newFindings"), at(first, "fixedFindings"), at(first, "project", "id")})
		said := at(first, "report")
		require.Equal(t, []any{"main", "CRITICAL", "HIGH", "MEDIUM", "LOW", float64(n)}, []any{
			at(said, "branch"), at(said, "counts", 0, "severity"), at(said, "counts", 1, "severity"), at(said, "counts", 2, "severity"), at(said, "counts", 3, "severity"), open(at(said, "counts")),
		})
		require.Len(t, at(said, "revision"), 40)
		require.Regexp(t, `^\d{4}-\d\d-\d\d$`, at(said, "advisoriesDate"))
		checks := []any{}
		for _, c := range at(said, "checks").([]any) {
			checks = append(checks, at(c, "check"))
			require.Equal(t, []any{at(said, "revision"), at(said, "scannedAt"), 3.0, 0.0}, []any{at(c, "revision"), at(c, "scannedAt"), at(c, "files"), at(c, "skipped")})
		}
		require.Equal(t, []any{"SECRETS", "DEPENDENCIES", "CODE", "HEADERS"}, checks)
		gaps := at(said, "notAssessed").([]any)
		require.Contains(t, gaps, object{"check": "HEADERS", "subject": "the preview", "reason": "no previews here"})
		unversioned, _ := json.Marshal(gaps)
		require.Contains(t, string(unversioned), "something", "a range is no version")

		all := b.do(as(b.guest), t, findFindings, object{"p": b.project})
		raw, err := json.Marshal(all)
		require.NoError(t, err)
		require.NotContains(t, string(raw), awsKey)
		for _, f := range at(all, "project", "findings", "nodes").([]any) {
			require.Equal(t, []any{"OPEN", "main", at(said, "revision"), b.project, nil, nil, nil, nil}, []any{
				at(f, "state"), at(f, "branch"), at(f, "revision"), at(f, "project", "id"), at(f, "reason"), at(f, "decidedBy"), at(f, "run"), at(f, "agent"),
			})
			switch at(f, "check") {
			case "CODE":
				require.Equal(t, []any{"js-eval", "app.js", 2.0, "HIGH", "eval(page);"}, []any{at(f, "rule"), at(f, "file"), at(f, "line"), at(f, "severity"), at(f, "evidence")})
			case "SECRETS":
				require.Contains(t, at(f, "evidence"), "[redacted]")
			default:
				require.Contains(t, at(f, "rule"), "CVE-")
			}
			require.Positive(t, at(f, "cwe"))
			require.NotEmpty(t, at(f, "remedy"))
		}

		// Mended is fixed, on its own branch alone.
		b.do(as(b.ada), t, `mutation($input: CreateBranchInput!) { createBranch(input: $input) { branch { name } } }`, input("projectId", b.project, "name", "mend"))
		b.files("mend", object{"delete": object{"path": "deploy.py"}})
		other := b.scan("ref", "mend")
		require.Equal(t, []any{"mend", other.(object)["newFindings"]}, []any{at(other, "report", "branch"), open(at(other, "report", "counts"))})
		require.ElementsMatch(t, []string{"app.js", "requirements.txt"}, b.found(object{"branch": "mend", "severity": []string{"HIGH", "CRITICAL"}}))
		b.files("main", object{"delete": object{"path": "deploy.py"}})
		require.EqualValues(t, 1, at(b.scan(), "fixedFindings"))
		require.Equal(t, []string{"deploy.py"}, b.found(object{"state": []string{"FIXED"}}))
		require.Equal(t, []string{"app.js"}, b.found(object{"check": []string{"CODE"}, "branch": "main"}))
		require.Empty(t, b.found(object{"check": []string{"CODE"}, "state": []string{"FIXED", "DISMISSED"}}))
		for _, none := range []string{"none", "\x00", "a b"} {
			require.Empty(t, b.found(object{"branch": none}))
			require.Nil(t, at(b.do(as(b.ada), t, report, object{"p": b.project, "ref": none}), "project", "securityReport"))
		}
		for _, c := range []struct{ ref, code string }{{"none", "NOT_FOUND"}, {"\x00", "NOT_FOUND"}, {at(said, "revision").(string), "BAD_USER_INPUT"}} {
			_, extensions := b.try(as(b.ada), t, scanProject, input("projectId", b.project, "ref", c.ref))
			require.Equal(t, object{"code": c.code, "field": "ref"}, extensions, "%q", c.ref)
		}
	})
}

func TestFindingsComeInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := flawed(t, db)
		var more []object
		for _, name := range []string{"b.js", "c.js", "d.js", "e.js"} {
			more = append(more, object{"write": object{"path": name, "text": "eval(location.hash);\n"}})
		}
		b.files("main", more...)
		b.scan()
		where := object{"check": []string{"CODE"}}
		all := b.found(where)
		require.Len(t, all, 5)
		page := func(v object) (files []string, info any) {
			v["p"], v["where"] = b.project, where
			p := at(b.do(as(b.ada), t, findFindings, v), "project", "findings")
			for _, n := range at(p, "nodes").([]any) {
				files = append(files, at(n, "file").(string))
			}
			return files, at(p, "pageInfo")
		}
		one, info := page(object{"first": 2})
		require.Equal(t, all[:2], one)
		two, info := page(object{"first": 3, "after": at(info, "endCursor")})
		require.Equal(t, all[2:], two)
		require.Equal(t, []any{false, true}, []any{at(info, "hasNextPage"), at(info, "hasPreviousPage")})
		back, info := page(object{"last": 1, "before": at(info, "startCursor")})
		require.Equal(t, all[1:2], back)
		require.Equal(t, true, at(info, "hasPreviousPage"))
		for field, v := range map[string]object{
			"first": {"first": 101}, "last": {"first": 1, "last": 1}, "after": {"after": "x"},
		} {
			v["p"] = b.project
			_, extensions := b.try(as(b.ada), t, findFindings, v)
			require.Equal(t, object{"code": "BAD_USER_INPUT", "field": field}, extensions)
		}
	})
}

func TestFindingsAreDismissedAndReopened(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := flawed(t, db)
		b.scan()
		where := object{"check": []string{"CODE"}}
		before := open(at(b.do(as(b.ada), t, report, object{"p": b.project}), "project", "securityReport", "counts"))
		id := at(b.do(as(b.ada), t, findFindings, object{"p": b.project, "where": where}), "project", "findings", "nodes", 0, "id").(string)

		for _, reason := range []string{"", " \n", strings.Repeat("x", 2001), "a\x00"} {
			_, extensions := b.try(as(b.ada), t, dismissFinding, input("findingId", id, "reason", reason))
			require.Equal(t, object{"code": "BAD_USER_INPUT", "field": "reason"}, extensions, "%.20q", reason)
		}
		for _, in := range []struct {
			query string
			pairs []any
		}{{dismissFinding, []any{"reason", "r"}}, {reopenFinding, nil}} {
			for _, wrong := range []string{"", "\x00", relay.NewID("fnd"), b.project} {
				_, extensions := b.try(as(b.ada), t, in.query, input(append([]any{"findingId", wrong}, in.pairs...)...))
				require.Equal(t, object{"code": "NOT_FOUND", "field": "findingId"}, extensions)
			}
			own := input(append([]any{"findingId", id}, in.pairs...)...)
			_, extensions := b.try(as(b.guest), t, in.query, own)
			require.Equal(t, object{"code": "FORBIDDEN"}, extensions)
			_, extensions = b.try(as(b.eve), t, in.query, own)
			require.Equal(t, object{"code": "NOT_FOUND", "field": "findingId"}, extensions)
			_, extensions = b.try(t.Context(), t, in.query, own)
			require.Equal(t, "UNAUTHENTICATED", extensions["code"])
		}
		_, extensions := b.try(as(b.guest), t, scanProject, input("projectId", b.project))
		require.Equal(t, object{"code": "FORBIDDEN"}, extensions)
		for _, wrong := range []string{b.project, "\x00", ""} {
			_, extensions = b.try(as(b.eve), t, scanProject, input("projectId", wrong))
			require.Equal(t, object{"code": "NOT_FOUND", "field": "projectId"}, extensions)
		}
		const node = `query($id: ID!) { node(id: $id) { ... on Finding { state } } }`
		require.Nil(t, at(b.do(as(b.eve), t, node, object{"id": id}), "node"))
		require.Equal(t, "OPEN", at(b.do(as(b.guest), t, node, object{"id": id}), "node", "state"))

		dismissed := b.do(as(b.ada), t, dismissFinding, input("findingId", id, "reason", "a page of its own"))
		require.Equal(t, object{"id": id, "state": "DISMISSED", "reason": "a page of its own", "decidedBy": object{"id": b.ada.UserID}}, at(dismissed, "dismissFinding", "finding"))
		require.EqualValues(t, 0, at(b.scan(), "newFindings"), "it stays dismissed")
		require.Equal(t, []string{"app.js"}, b.found(object{"state": []string{"DISMISSED"}}))
		require.Equal(t, before-1, open(at(b.do(as(b.guest), t, report, object{"p": b.project}), "project", "securityReport", "counts")))
		reopened := b.do(as(b.ada), t, reopenFinding, input("findingId", id))
		require.Equal(t, object{"id": id, "state": "OPEN", "reason": nil, "decidedBy": object{"id": b.ada.UserID}}, at(reopened, "reopenFinding", "finding"))

		b.files("main", object{"delete": object{"path": "app.js"}})
		require.EqualValues(t, 1, at(b.scan(), "fixedFindings"))
		_, extensions = b.try(as(b.ada), t, dismissFinding, input("findingId", id, "reason", "r"))
		require.Equal(t, object{"code": "PRECONDITION_FAILED"}, extensions)
		_, extensions = b.try(as(b.ada), t, reopenFinding, input("findingId", id))
		require.Equal(t, object{"code": "PRECONDITION_FAILED"}, extensions)
	})
}
