package workspace_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) {
	if os.Getenv(killedAt) != "" {
		repackUntilKilled()
	}
	goleak.VerifyTestMain(m)
}

// bundle is an empty project of a viewer, whose rights ctx has.
type bundle struct {
	ctx     context.Context
	db      *store.DB
	log     *stream.Log
	project *ent.Project
	*workspace.Workspace
}

func setup(t *testing.T, db *store.DB) *bundle {
	t.Helper()
	viewer := storetest.User(t, db, "ada@example.com")
	log := stream.NewLog(db, memory.New(), slog.New(slog.DiscardHandler))
	return &bundle{
		ctx:       access.WithViewer(t.Context(), viewer),
		db:        db,
		log:       log,
		project:   storetest.Project(t, db, viewer, "Site"),
		Workspace: workspace.New(db, log),
	}
}

var ada = workspace.Author{Name: "Ada", Email: "ada@example.com", UserID: "usr_ada"}

func write(path, text string) workspace.Change { return workspace.Change{Path: path, Content: &text} }

func remove(path string) workspace.Change { return workspace.Change{Path: path} }

func from(base string, c workspace.Change) workspace.Change {
	c.Base = &base
	return c
}

func (b *bundle) commit(t *testing.T, changes ...workspace.Change) string {
	t.Helper()
	hash, err := b.Commit(b.ctx, workspace.Main(b.project.ID), ada, "change", changes...)
	require.NoError(t, err)
	return hash
}

func (b *bundle) refused(t *testing.T, code problem.Code, field string, changes ...workspace.Change) {
	t.Helper()
	_, err := b.Commit(b.ctx, workspace.Main(b.project.ID), ada, "change", changes...)
	requireProblem(t, err, code, field)
}

func (b *bundle) text(t *testing.T, path, ref string) string {
	t.Helper()
	file, err := b.File(b.ctx, b.project.ID, path, ref)
	require.NoError(t, err)
	require.NotNil(t, file.Text)
	return *file.Text
}

func (b *bundle) paths(t *testing.T, prefix, ref string) []string {
	t.Helper()
	files, more, err := b.Files(b.ctx, b.project.ID, prefix, ref, "", 1000)
	require.NoError(t, err)
	require.False(t, more)
	out := []string{}
	for _, f := range files {
		require.Nil(t, f.Text)
		out = append(out, f.Path)
	}
	return out
}

func (b *bundle) history(t *testing.T) []workspace.Commit {
	t.Helper()
	commits, more, err := b.Commits(b.ctx, b.project.ID, "", "", 1000)
	require.NoError(t, err)
	require.False(t, more)
	return commits
}

// events are the FILE_CHANGED events so far.
func (b *bundle) events(t *testing.T) []stream.FilePayload {
	t.Helper()
	handle, err := access.StreamReader(b.ctx, b.db.Ent, b.project.ID)
	require.NoError(t, err)
	events, err := b.log.Read(b.ctx, handle, 0, 1000)
	require.NoError(t, err)
	var out []stream.FilePayload
	for _, e := range events {
		require.Equal(t, enum.EventFileChanged, e.Type)
		var p stream.FilePayload
		require.NoError(t, json.Unmarshal(e.Payload, &p))
		out = append(out, p)
	}
	return out
}

func requireProblem(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	p := problem.As(err)
	require.NotNil(t, p, "want a problem, got %v", err)
	require.Equal(t, code, p.Code, p.Message)
	require.Equal(t, field, p.Field, p.Message)
}
