package checkpoint_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a project of a viewer, whose rights ctx has, with a worktree.
type bundle struct {
	ctx     context.Context
	db      *store.DB
	owner   access.Viewer
	project *ent.Project
	files   *workspace.Workspace
	shell   *shell
	blobs   map[string]string // by revision: what names the same content is read once
	*checkpoint.Service
}

func setup(t *testing.T, db *store.DB, keep checkpoint.Retention) *bundle {
	t.Helper()
	owner := storetest.User(t, db, "ada@example.com")
	log := stream.NewLog(db, memory.New(), slog.New(slog.DiscardHandler))
	b := &bundle{
		ctx: access.WithViewer(context.Background(), owner), db: db, owner: owner,
		project: storetest.Project(t, db, owner, "Site"), files: workspace.New(db, log), blobs: map[string]string{},
	}
	b.shell = &shell{b: b, files: map[string]file{}}
	b.Service = checkpoint.New(db, log, b.files, b.shell, keep, slog.New(slog.DiscardHandler))
	return b
}

// again is the bundle with another, empty project.
func (b *bundle) again(t *testing.T) {
	b.project = storetest.Project(t, b.db, b.owner, "Next")
	b.shell.files = map[string]file{}
}

// file is a file in a worktree or in a branch.
type file struct {
	mode workspace.Mode
	text string
}

// shell is a worktree as commands leave it: it has files that the branch doesn't keep.
type shell struct {
	b     *bundle
	files map[string]file
	fails error // what Restore fails with

	written   int    // how often commands have written
	meanwhile func() // what happens behind a snapshot
}

func (s *shell) Snapshot(ctx context.Context, on workspace.Branch) (commit, beside string, err error) {
	var changes []workspace.Change
	for path, f := range s.files {
		text := f.text
		changes = append(changes, workspace.Change{Path: path, Content: &text, Mode: f.mode})
	}
	commit, err = s.b.files.Detached(s.b.ctx, on.ProjectID, "", workspace.Author{}, "worktree", changes...)
	beside = fmt.Sprint(s.written)
	if s.meanwhile != nil {
		s.meanwhile()
	}
	return commit, beside, err
}

func (s *shell) Hold(context.Context, *store.Tx, workspace.Branch) (string, error) {
	return fmt.Sprint(s.written), nil
}

func (s *shell) Restore(_ context.Context, tx *store.Tx, on workspace.Branch, commit string, paths []string) error {
	now, err := s.b.read(on.ProjectID, commit)
	if err != nil {
		return err
	}
	chosen := func(p string) bool {
		for _, path := range paths {
			if p == path || strings.HasPrefix(p, path+"/") {
				return true
			}
		}
		return len(paths) == 0
	}
	tx.AfterCommit(func() {
		for p := range s.files {
			if chosen(p) {
				delete(s.files, p)
			}
		}
		for p, f := range now {
			if chosen(p) {
				s.files[p] = f
			}
		}
	})
	return s.fails
}

// sync commits what the branch keeps of the worktree, as is done after each command: all
// but what lies in a folder "ignored".
func (s *shell) sync(t require.TestingT) {
	present, err := s.b.read(s.b.project.ID, "")
	require.NoError(t, err)
	var changes []workspace.Change
	for p, f := range s.files {
		if text := f.text; !strings.HasPrefix(p, "ignored/") && present[p] != f {
			changes = append(changes, workspace.Change{Path: p, Content: &text, Mode: f.mode})
		}
	}
	for p := range present {
		if _, there := s.files[p]; !there {
			changes = append(changes, workspace.Change{Path: p})
		}
	}
	_, err = s.b.files.Commit(s.b.ctx, workspace.Main(s.b.project.ID), workspace.Author{}, "sync", changes...)
	require.NoError(t, err)
}

// read is all files at a ref.
func (b *bundle) read(projectID, ref string) (map[string]file, error) {
	out := map[string]file{}
	found, _, err := b.files.Files(b.ctx, projectID, "", ref, "", 10_000)
	for _, f := range found {
		text, known := b.blobs[f.Revision]
		if !known {
			_, content, err := b.files.Raw(b.ctx, projectID, f.Path, ref)
			if err != nil {
				return nil, err
			}
			text = string(content)
			b.blobs[f.Revision] = text
		}
		out[f.Path] = file{f.Mode, text}
	}
	return out, err
}

func (b *bundle) now(t require.TestingT) map[string]file {
	out, err := b.read(b.project.ID, "")
	require.NoError(t, err)
	return out
}

// record makes a checkpoint as it is made before a call.
func (b *bundle) record(t require.TestingT, p checkpoint.Point) *ent.Checkpoint {
	p.On = workspace.Main(b.project.ID)
	p.Reason = "before a test"
	var err error
	if p.Worktree, err = b.Snapshot(b.ctx, p.On); err != nil {
		require.NoError(t, err)
	}
	var c *ent.Checkpoint
	require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		c, err = b.Record(ctx, tx, p)
		return err
	}))
	return c
}

func (b *bundle) restore(t require.TestingT, in checkpoint.Input) *checkpoint.Outcome {
	out, err := b.Restore(b.ctx, in)
	require.NoError(t, err)
	return out
}

func requireProblem(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	p := problem.As(err)
	require.NotNil(t, p, "want a problem, got %v", err)
	require.Equal(t, code, p.Code, p.Message)
	require.Equal(t, field, p.Field, p.Message)
}
