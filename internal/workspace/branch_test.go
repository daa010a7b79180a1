package workspace_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func (b *bundle) branch(t *testing.T, name, from string) workspace.BranchTip {
	t.Helper()
	made, err := b.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: name, From: from})
	require.NoError(t, err)
	return *made
}

func (b *bundle) commitOn(t *testing.T, branch string, changes ...workspace.Change) string {
	t.Helper()
	hash, err := b.Commit(b.ctx, workspace.Branch{ProjectID: b.project.ID, Name: branch}, ada, "change", changes...)
	require.NoError(t, err)
	return hash
}

func TestBranches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		_, err := b.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: "early"})
		requireProblem(t, err, problem.Conflict, "from")
		first := b.commit(t, write("a", "one"), write("b", "four"))
		second := b.commit(t, write("a", "two"))

		require.Equal(t, first, b.branch(t, "Zed", first).Hash)
		require.Equal(t, second, b.branch(t, "feature/a", "").Hash)
		b.commitOn(t, "Zed", write("c", "z"))
		onZed := b.commitOn(t, "Zed", write("c", "zz"))
		require.Equal(t, onZed, b.branch(t, "again", "Zed").Hash)
		require.Equal(t, "one", b.text(t, "a", "Zed"))
		require.Equal(t, "two", b.text(t, "a", "feature/a"))
		require.Equal(t, []string{"a", "b"}, b.paths(t, "", ""))

		var names []string
		for after, more := "", true; more; {
			var page []workspace.BranchTip
			page, more, err = b.Branches(b.ctx, b.project.ID, after, 2)
			require.NoError(t, err)
			for _, tip := range page {
				names, after = append(names, tip.Name), tip.Name
			}
		}
		require.Equal(t, []string{"Zed", "again", "feature/a", "main"}, names)

		for branch, want := range map[string][2]int{"Zed": {2, 1}, "feature/a": {0, 0}, "main": {0, 0}, first: {0, 1}} {
			ahead, behind, err := b.Ahead(b.ctx, b.project.ID, branch)
			require.NoError(t, err)
			require.Equal(t, want, [2]int{ahead, behind}, branch)
		}

		for name, at := range map[string]string{"main": "name", "Zed": "name", "feature": "name", "feature/a/b": "name", "main/x": "name", "new": "from"} {
			from := ""
			if at == "from" {
				from = "nowhere"
			}
			_, err := b.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: name, From: from})
			requireProblem(t, err, map[string]problem.Code{"name": problem.Conflict, "from": problem.NotFound}[at], at)
		}

		tip, err := b.DeleteBranch(b.ctx, b.project.ID, "Zed")
		require.NoError(t, err)
		require.Equal(t, onZed, tip)
		_, err = b.DeleteBranch(b.ctx, b.project.ID, "Zed")
		requireProblem(t, err, problem.NotFound, "name")
		_, err = b.DeleteBranch(b.ctx, b.project.ID, "main")
		requireProblem(t, err, problem.BadInput, "name")
		_, err = b.File(b.ctx, b.project.ID, "a", "Zed")
		requireProblem(t, err, problem.NotFound, "ref")
		_, err = b.Commit(b.ctx, workspace.Branch{ProjectID: b.project.ID, Name: "Zed"}, ada, "change", write("a", "x"))
		requireProblem(t, err, problem.NotFound, "branch")

		b.branch(t, "feature/b", first)
		r := storetest.Run(t, db, b.project, enum.RunSucceeded)
		ctx := storetest.Unchecked(b.ctx)
		require.NoError(t, db.Ent.Run.Create().SetProjectID(r.ProjectID).SetConversationID(r.ConversationID).SetAgentID(r.AgentID).
			SetUserID(r.UserID).SetMessageID(r.MessageID).SetState(enum.RunQueued).SetBranch("feature/b").Exec(ctx))
		_, err = b.DeleteBranch(b.ctx, b.project.ID, "feature/b")
		requireProblem(t, err, problem.Conflict, "name")
		requireSound(t, b)
	})
}

func TestABranchIsMadeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		first := b.commit(t, write("a", "one"))
		in := workspace.CreateBranchInput{ProjectID: b.project.ID, Name: "x", IdempotencyKey: "key"}
		for range 2 {
			made, err := b.CreateBranch(b.ctx, in)
			require.NoError(t, err)
			require.Equal(t, first, made.Hash)
			b.commit(t, write("a", "two"))
		}
		in.Name = "y"
		_, err := b.CreateBranch(b.ctx, in)
		requireProblem(t, err, problem.Conflict, "idempotencyKey")
	})
}

func TestBranchesOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("a", "one"))
		b.branch(t, "x", "")
		eve := access.WithViewer(t.Context(), storetest.User(t, db, "eve@example.com"))
		_, _, err := b.Branches(eve, b.project.ID, "", 10)
		requireProblem(t, err, problem.NotFound, "projectId")
		_, _, err = b.Ahead(eve, b.project.ID, "x")
		requireProblem(t, err, problem.NotFound, "projectId")
		_, err = b.CreateBranch(eve, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: "y"})
		requireProblem(t, err, problem.NotFound, "projectId")
		_, err = b.DeleteBranch(eve, b.project.ID, "x")
		requireProblem(t, err, problem.NotFound, "projectId")
	})
}

func TestNamesOfBranches(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "feature/x-1", "ünïcode", "a.b", "x@y", strings.Repeat("n", 200), "runs/1"} {
		require.NoError(t, workspace.CheckBranch(good), good)
		require.NoError(t, gitCheckRef(good), good)
	}
	for _, bad := range []string{
		"", "-a", ".a", "a/.b", "a.lock", "a.lock/b", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`, "/a", "a/", "a//b",
		"a.", "@", "a@{1}", "HEAD", "a\x7fb", "a\nb", "\xff", strings.Repeat("n", 201), strings.Repeat("0", 40),
	} {
		err := workspace.CheckBranch(bad)
		requireProblem(t, err, problem.BadInput, "name")
	}
}

func gitCheckRef(name string) error {
	return exec.Command("git", "check-ref-format", "refs/heads/"+name).Run()
}

// Where two histories part is what git says, whatever was merged into what.
func TestAheadIsWhatGitCounts(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	b.commit(t, write("a", "0"))
	b.branch(t, "x", "")
	for i := range 12 {
		b.commitOn(t, "x", write("x", fmt.Sprint(i)))
		if i%3 == 0 {
			b.commit(t, write("a", fmt.Sprint(i+1)))
		}
	}
	ahead, behind, err := b.Ahead(b.ctx, b.project.ID, "x")
	require.NoError(t, err)
	require.Equal(t, [2]int{12, 4}, [2]int{ahead, behind})
	out, err := exec.Command("git", "-C", requireSound(t, b), "rev-list", "--left-right", "--count", "x...main").Output()
	require.NoError(t, err)
	require.Equal(t, "12\t4\n", string(out))
}
