package merge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMergesThatNeedNoDecision(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		work(t, b.merges)
		b.commit(t, "", write("a", "1\n2\n3\n4\n5\n6\n7\n"), write("b", "b\n"), write("old/name", strings.Repeat("same\n", 20)))

		// The target has not moved: it goes on to the source.
		b.branch(t, "ahead")
		tip := b.commit(t, "ahead", write("c", "c\n"))
		m := b.await(t, b.merge(t, "ahead"))
		require.Equal(t, enum.MergeMerged, m.State, m.Error)
		require.Equal(t, tip, m.Result)

		// Both have moved: both ends of one file, a rename here and an edit there, modes and links.
		b.branch(t, "both")
		b.commit(t, "both", write("a", "1\n2\n3\n4\n5\n6\nseven\n"), write("old/name", strings.Repeat("same\n", 20)+"edited\n"),
			workspace.Change{Path: "b", Mode: workspace.Executable}, workspace.Change{Path: "link", Content: new("a"), Mode: workspace.Symlink}, write("bin", "\x00\x01"))
		theirs := b.commit(t, "both", write("both", "x"))
		moved := strings.Repeat("same\n", 20)
		ours := b.commit(t, "", write("a", "one\n2\n3\n4\n5\n6\n7\n"), remove("old/name"), write("new/name", moved))
		m = b.await(t, b.merge(t, "both"))
		require.Equal(t, enum.MergeMerged, m.State, m.Error)
		require.Equal(t, [2]string{ours, theirs}, [2]string{m.Ours, m.Theirs})
		require.Equal(t, "one\n2\n3\n4\n5\n6\nseven\n", b.text(t, "a", ""))
		require.Equal(t, moved+"edited\n", b.text(t, "new/name", ""))
		for path, mode := range map[string]workspace.Mode{"b": workspace.Executable, "link": workspace.Symlink, "a": workspace.Regular} {
			f, err := b.files.File(b.ctx, b.project.ID, path, "")
			require.NoError(t, err)
			require.Equal(t, mode, f.Mode, path)
		}
		commits, _, err := b.files.Commits(b.ctx, b.project.ID, "", "", 10)
		require.NoError(t, err)
		require.Equal(t, []string{ours, theirs}, commits[0].Parents)
		require.Equal(t, "Merge branch 'both' into main", commits[0].Message)
		require.Equal(t, "ada@example.com", commits[0].AuthorName)

		// Once more there is nothing to do.
		m = b.await(t, b.merge(t, "both"))
		require.Equal(t, enum.MergeMerged, m.State)
		require.Equal(t, commits[0].Hash, m.Result)

		storage, err := b.files.Storage(b.ctx, b.project.ID)
		require.NoError(t, err)
		var bytes int64
		files, _, err := b.files.Files(b.ctx, b.project.ID, "", "", "", 100)
		require.NoError(t, err)
		for _, f := range files {
			bytes += int64(f.Size)
		}
		require.Equal(t, [2]int64{bytes, int64(len(files))}, [2]int64{storage.Bytes, storage.Files})
		dir := b.sound(t)
		count, err := exec.Command("git", "-C", dir, "rev-list", "--left-right", "--count", "ahead...main").Output()
		require.NoError(t, err)
		ahead, behind, err := b.files.Ahead(b.ctx, b.project.ID, "ahead")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%d\t%d\n", ahead, behind), string(count))
	})
}

func TestConflictsAreDataAndNothingIsLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		work(t, b.merges)
		b.commit(t, "", write("text", "a\nb\nc\n"), write("gone", "1\n"), write("bin", "\x00a"), write("other", "o\n"))
		b.branch(t, "x")
		theirs := b.commit(t, "x", write("text", "a\nTHEIRS\nc\n"), write("gone", "2\n"), write("bin", "\x00b"), write("new", "theirs\n"), write("only", "theirs\n"))
		ours := b.commit(t, "", write("text", "a\nOURS\nc\n"), remove("gone"), write("bin", "\x00c"), write("new", "ours\n"), write("other", "ours\n"))

		m := b.await(t, b.merge(t, "x"))
		require.Equal(t, enum.MergeConflicted, m.State, m.Error)
		require.Equal(t, ours, b.tip(t, "main"))
		conflicts, err := merge.Conflicts(m)
		require.NoError(t, err)
		kinds := map[string]enum.ConflictKind{}
		for _, c := range conflicts {
			kinds[c.Path] = c.Kind
		}
		require.Equal(t, map[string]enum.ConflictKind{
			"text": enum.ConflictContent, "gone": enum.ConflictModifyDelete, "bin": enum.ConflictBinary, "new": enum.ConflictAddAdd,
		}, kinds)
		text := conflicts[3]
		require.Equal(t, "text", text.Path)
		require.Equal(t, []merge.Hunk{{Base: []string{"b"}, Ours: []string{"OURS"}, Theirs: []string{"THEIRS"}}}, text.Hunks)
		require.Nil(t, conflicts[1].Ours)
		require.Equal(t, "gone", conflicts[1].Path)
		require.EqualValues(t, 2, conflicts[1].Theirs.Size)
		_, err = b.files.DeleteBranch(b.ctx, b.project.ID, "x")
		requireProblem(t, err, problem.Conflict, "name")
		b.sound(t)

		// All must be decided, each in one way.
		side := enum.SideTheirs
		_, _, err = b.merges.Resolve(b.ctx, m.ID, []merge.Decision{{Path: "text", Side: &side}}, "")
		requireProblem(t, err, problem.BadInput, "files")
		_, _, err = b.merges.Resolve(b.ctx, m.ID, []merge.Decision{{Path: "text", Side: &side, Delete: true}}, "")
		requireProblem(t, err, problem.BadInput, "files")
		_, _, err = b.merges.Resolve(b.ctx, m.ID, []merge.Decision{{Path: "other", Side: &side}}, "")
		requireProblem(t, err, problem.BadInput, "files")

		// An agent decides on these and on no others.
		own := access.WithViewer(t.Context(), access.Viewer{UserID: access.ViewerFrom(b.ctx).UserID, Agent: "manager"})
		for _, d := range []merge.Decision{{Path: ".github/run.yml", Text: new(string)}, {Path: "other", Delete: true}} {
			_, _, err = b.merges.Resolve(own, m.ID, []merge.Decision{
				{Path: "text", Side: &side}, {Path: "gone", Side: &side}, {Path: "bin", Side: &side}, {Path: "new", Side: &side}, d,
			}, "")
			requireProblem(t, err, problem.BadInput, "files")
			require.Contains(t, err.Error(), d.Path+" is not in conflict")
		}

		// Somebody writes to main meanwhile: that stays too.
		b.commit(t, "", write("late", "late\n"))
		both, gone := "a\nOURS and THEIRS\nc\n", enum.SideOurs
		m, commit, err := b.merges.Resolve(b.ctx, m.ID, []merge.Decision{
			{Path: "text", Text: &both}, {Path: "gone", Side: &gone}, {Path: "bin", Side: &side}, {Path: "new", Delete: true}, {Path: "extra", Text: &both},
		}, "")
		require.NoError(t, err)
		require.Equal(t, commit, b.tip(t, "x"))
		m = b.await(t, m)
		require.Equal(t, enum.MergeMerged, m.State, m.Error)
		require.Equal(t, both, b.text(t, "text", ""))
		require.Equal(t, both, b.text(t, "extra", ""))
		require.Equal(t, "late\n", b.text(t, "late", ""))
		require.Equal(t, "theirs\n", b.text(t, "only", ""))
		require.Equal(t, "ours\n", b.text(t, "other", ""))
		for _, path := range []string{"gone", "new"} {
			_, err = b.files.File(b.ctx, b.project.ID, path, "")
			requireProblem(t, err, problem.NotFound, "path")
		}
		_, content, err := b.files.Raw(b.ctx, b.project.ID, "bin", "")
		require.NoError(t, err)
		require.Equal(t, "\x00b", string(content))
		dir := b.sound(t)
		for _, commit := range []string{ours, theirs} {
			require.NoError(t, exec.Command("git", "-C", dir, "merge-base", "--is-ancestor", commit, "main").Run())
		}
		_, _, err = b.merges.Resolve(b.ctx, m.ID, nil, "")
		requireProblem(t, err, problem.Conflict, "mergeId")
	})
}

func (b *bundle) tip(t *testing.T, branch string) string {
	t.Helper()
	commits, _, err := b.files.Commits(b.ctx, b.project.ID, branch, "", 1)
	require.NoError(t, err)
	return commits[0].Hash
}

func TestAResolutionOfWhatHasMovedIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	work(t, b.merges)
	b.commit(t, "", write("a", "1\n"))
	b.branch(t, "x")
	b.commit(t, "x", write("a", "2\n"))
	b.commit(t, "", write("a", "3\n"))
	m := b.await(t, b.merge(t, "x"))
	require.Equal(t, enum.MergeConflicted, m.State)
	b.commit(t, "x", write("a", "4\n"))
	side := enum.SideOurs
	_, _, err := b.merges.Resolve(b.ctx, m.ID, []merge.Decision{{Path: "a", Side: &side}}, "")
	requireProblem(t, err, problem.Conflict, "mergeId")

	again := b.await(t, b.merge(t, "x"))
	require.Equal(t, enum.MergeConflicted, again.State)
	m, err = b.db.Ent.Merge.Get(b.ctx, m.ID)
	require.NoError(t, err)
	require.Equal(t, enum.MergeCancelled, m.State)
	again, err = b.merges.Cancel(b.ctx, again.ID)
	require.NoError(t, err)
	require.Equal(t, enum.MergeCancelled, again.State)
	b.sound(t)
}

// Merges of a project are made one after the other in the order of the queue, by whatever
// workers there are, and each is told of.
func TestTheQueueKeepsItsOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, "", write("base", "x"))
		const n = 6
		for i := range n {
			name := fmt.Sprint("b", i)
			b.branch(t, name)
			b.commit(t, name, write(name, name))
		}
		for i := range n {
			m := b.merge(t, fmt.Sprint("b", i))
			at, err := merge.Position(b.ctx, db.Ent, m)
			require.NoError(t, err)
			require.Equal(t, i+1, at)
		}
		_, err := b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: "b0"})
		requireProblem(t, err, problem.Conflict, "source")
		for range 3 {
			work(t, b.service(""))
		}
		all, err := db.Ent.Merge.Query().All(b.ctx)
		require.NoError(t, err)
		for i, m := range all {
			all[i] = b.await(t, m)
			require.Equal(t, enum.MergeMerged, all[i].State, all[i].Error)
		}
		handle, err := access.StreamReader(b.ctx, db.Ent, b.project.ID)
		require.NoError(t, err)
		events, err := b.log.Read(b.ctx, handle, 0, 1000)
		require.NoError(t, err)
		var merged []string
		for _, e := range events {
			if e.Type == enum.EventMergeChanged {
				var p stream.MergePayload
				require.NoError(t, json.Unmarshal(e.Payload, &p))
				if p.Merge.State == enum.MergeMerged {
					merged = append(merged, p.Merge.Source)
				}
			}
		}
		require.Equal(t, []string{"b0", "b1", "b2", "b3", "b4", "b5"}, merged)
		b.sound(t)
	})
}

// People write to main all the time while branches are merged into it: nothing is lost.
func TestMergesAmongWriters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, "", write("base", "x"))
		work(t, b.merges)
		done := make(chan int, 1)
		enough := make(chan struct{})
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-enough:
					done <- n
					return
				case <-time.After(5 * time.Millisecond):
				}
				text := fmt.Sprint(n)
				_, _ = b.files.Commit(b.ctx, workspace.Main(b.project.ID), workspace.Author{}, "w", workspace.Change{Path: fmt.Sprint("w/", n), Content: &text})
			}
		}()
		for i := range 4 {
			name := fmt.Sprint("b", i)
			b.branch(t, name)
			b.commit(t, name, write(name, name))
			m := b.await(t, b.merge(t, name))
			require.Equal(t, enum.MergeMerged, m.State, m.Error)
		}
		close(enough)
		n := <-done
		for i := range n {
			require.Equal(t, fmt.Sprint(i), b.text(t, fmt.Sprint("w/", i), ""))
		}
		for i := range 4 {
			require.Equal(t, fmt.Sprint("b", i), b.text(t, fmt.Sprint("b", i), ""))
		}
		b.sound(t)
	})
}

func TestWithoutGitAMergeSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	b.commit(t, "", write("a", "1\n"))
	b.branch(t, "x")
	b.commit(t, "x", write("b", "2\n"))
	b.branch(t, "y")
	b.commit(t, "y", write("c", "2\n"))
	work(t, b.service("/nowhere/git"))
	require.Equal(t, enum.MergeMerged, b.await(t, b.merge(t, "x")).State, "one side only")
	m := b.await(t, b.merge(t, "y"))
	require.Equal(t, enum.MergeFailed, m.State)
	require.Contains(t, m.Error, "git")
}

func TestMergesOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, "", write("a", "1\n"))
		b.branch(t, "x")
		m := b.merge(t, "x")
		eve := access.WithViewer(context.Background(), storetest.User(t, db, "eve@example.com"))
		_, err := b.merges.Branch(eve, merge.Input{ProjectID: b.project.ID, Source: "x"})
		requireProblem(t, err, problem.NotFound, "projectId")
		_, err = b.merges.Cancel(eve, m.ID)
		requireProblem(t, err, problem.NotFound, "mergeId")
		_, _, err = b.merges.Resolve(eve, m.ID, nil, "")
		requireProblem(t, err, problem.NotFound, "mergeId")
		n, err := db.Ent.Merge.Query().Count(eve)
		require.NoError(t, err)
		require.Zero(t, n)

		_, err = b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: "none"})
		requireProblem(t, err, problem.NotFound, "source")
		_, err = b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: "x", Target: "none"})
		requireProblem(t, err, problem.NotFound, "target")
		_, err = b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: "main"})
		requireProblem(t, err, problem.BadInput, "source")
	})
}
