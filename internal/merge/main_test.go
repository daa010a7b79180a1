package merge_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"io"
	"log/slog"
	"os/exec"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a project of a viewer, whose rights ctx has.
type bundle struct {
	ctx     context.Context
	db      *store.DB
	log     *stream.Log
	project *ent.Project
	files   *workspace.Workspace
	merges  *merge.Service
}

func setup(t *testing.T, db *store.DB) *bundle {
	t.Helper()
	viewer := storetest.User(t, db, "ada@example.com")
	log := stream.NewLog(db, memory.New(), slog.New(slog.DiscardHandler))
	b := &bundle{
		ctx: access.WithViewer(t.Context(), viewer), db: db, log: log,
		project: storetest.Project(t, db, viewer, "Site"), files: workspace.New(db, log),
	}
	b.merges = b.service("")
	return b
}

func (b *bundle) service(program string) *merge.Service {
	return merge.New(b.db, b.log, b.files, program, slog.New(slog.DiscardHandler))
}

// work sets a service to work until the test ends, or stop is called.
func work(t *testing.T, s *merge.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return stop
}

func write(path, text string) workspace.Change { return workspace.Change{Path: path, Content: &text} }

func remove(path string) workspace.Change { return workspace.Change{Path: path} }

func (b *bundle) commit(t *testing.T, branch string, changes ...workspace.Change) string {
	t.Helper()
	hash, err := b.files.Commit(b.ctx, workspace.Branch{ProjectID: b.project.ID, Name: branch}, workspace.Author{Name: "Ada", Email: "ada@example.com"}, "change", changes...)
	require.NoError(t, err)
	return hash
}

func (b *bundle) branch(t *testing.T, name string) {
	t.Helper()
	_, err := b.files.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: name})
	require.NoError(t, err)
}

func (b *bundle) merge(t *testing.T, source string) *ent.Merge {
	t.Helper()
	m, err := b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: source})
	require.NoError(t, err)
	return m
}

// await waits until the merge neither waits nor is under way.
func (b *bundle) await(t *testing.T, m *ent.Merge) *ent.Merge {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		m, err = b.db.Ent.Merge.Get(b.ctx, m.ID)
		return err == nil && m.State != enum.MergeQueued && m.State != enum.MergeMerging
	}, 60*time.Second, 10*time.Millisecond)
	return m
}

func (b *bundle) text(t *testing.T, path, ref string) string {
	t.Helper()
	f, err := b.files.File(b.ctx, b.project.ID, path, ref)
	require.NoError(t, err)
	require.NotNil(t, f.Text)
	return *f.Text
}

func requireProblem(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	p := problem.As(err)
	require.NotNil(t, p, "want a problem, got %v", err)
	require.Equal(t, code, p.Code, p.Message)
	require.Equal(t, field, p.Field, p.Message)
}

// sound has git check the repository with all of its refs, and returns its folder.
func (b *bundle) sound(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, exec.Command("git", "init", "--bare", "--quiet", "--initial-branch=main", dir).Run())
	target := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	objects, err := b.db.Ent.GitObject.Query().Where(gitobject.ProjectID(b.project.ID)).All(b.ctx)
	require.NoError(t, err)
	for _, row := range objects {
		r, err := zlib.NewReader(bytes.NewReader(row.Data))
		require.NoError(t, err)
		obj := &plumbing.MemoryObject{}
		obj.SetType(plumbing.ObjectType(row.Kind))
		_, err = io.Copy(obj, r)
		require.NoError(t, err)
		hash, err := target.SetEncodedObject(obj)
		require.NoError(t, err)
		require.Equal(t, row.Hash, hash.String())
	}
	refs, err := b.db.Ent.GitRef.Query().Where(gitref.ProjectID(b.project.ID)).All(b.ctx)
	require.NoError(t, err)
	for _, r := range refs {
		require.NoError(t, target.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(r.Name), plumbing.NewHash(r.Hash))))
	}
	out, err := exec.Command("git", "-C", dir, "fsck", "--strict", "--full", "--no-dangling").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "warning")
	return dir
}
