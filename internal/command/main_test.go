package command_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/bubblewrap"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(sandboxtest.Exit)) }

// bundle is an empty project with a host that runs its commands in real sandboxes.
type bundle struct {
	ctx       context.Context // of the project's owner
	owner     access.Viewer
	db        *store.DB
	log       *stream.Log
	files     *workspace.Workspace
	project   *ent.Project
	dir       string
	logs      *output
	recordFor time.Duration // how long hosts try to record; 0 is the default
	stopFor   time.Duration // how long hosts that stop hold what they have; 0 is the default
	*command.Service
}

func setup(t *testing.T, db *store.DB, options ...workspace.Option) *bundle {
	t.Helper()
	viewer := storetest.User(t, db, "ada@example.com")
	logs := newOutput(t)
	logger := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	log := stream.NewLog(db, memory.New(), logger)
	files := workspace.New(db, log, options...)
	return &bundle{
		ctx: access.WithViewer(t.Context(), viewer), owner: viewer, db: db, log: log, files: files,
		project: storetest.Project(t, db, viewer, "Site"), dir: t.TempDir(), logs: logs,
		Service: command.New(db, log, files, logger),
	}
}

// host runs commands until the test or stop ends it.
func (b *bundle) host(t *testing.T) (stop func()) {
	t.Helper()
	return b.hostWith(t, b.bubblewrap(t))
}

func (b *bundle) bubblewrap(t *testing.T) func(context.Context) (sandbox.Driver, error) {
	return func(context.Context) (sandbox.Driver, error) {
		return bubblewrap.New(bubblewrap.Config{Dir: filepath.Join(b.dir, "sandboxes"), Inside: sandboxtest.Program(t)})
	}
}

func (b *bundle) hostWith(t *testing.T, open func(context.Context) (sandbox.Driver, error)) (stop func()) {
	t.Helper()
	end, ended := b.launch(t, open)
	return func() {
		end()
		require.NoError(t, <-ended)
	}
}

// launch runs commands until the test or end ends it; ended has its error then.
func (b *bundle) launch(t *testing.T, open func(context.Context) (sandbox.Driver, error)) (end func(), ended <-chan error) {
	t.Helper()
	host := command.NewHost(command.HostOptions{Service: b.Service, Open: open, Installation: "test", Node: "here", Drain: -1, Beside: 1 << 20, RecordFor: b.recordFor, StopFor: b.stopFor})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	result := make(chan error, 1)
	go func() {
		defer close(result)
		result <- host.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-result)
	})
	return cancel, result
}

// each runs test on both databases with a host.
func each(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.host(t)
		test(t, b)
	})
}

func (b *bundle) start(t *testing.T, in command.Input) *ent.Command {
	t.Helper()
	in.ProjectID = b.project.ID
	c, err := b.Run(b.ctx, in)
	require.NoError(t, err)
	return c
}

// sh runs a line to its end.
func (b *bundle) sh(t *testing.T, line string) *ent.Command {
	t.Helper()
	return b.wait(t, b.start(t, command.Input{Shell: line}).ID)
}

func (b *bundle) wait(t *testing.T, id string) *ent.Command {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Minute)
	defer cancel()
	c, err := b.Wait(ctx, id)
	require.NoError(t, err)
	return c
}

func (b *bundle) printed(t *testing.T, c *ent.Command) string {
	t.Helper()
	out, err := b.Output(b.ctx, c, command.OutputRange{Limit: 1 << 20})
	require.NoError(t, err)
	return out.Text
}

func (b *bundle) write(t *testing.T, path, text string) {
	t.Helper()
	author := workspace.Author{Name: "Ada", Email: "ada@example.com"}
	_, err := b.files.Commit(b.ctx, workspace.Main(b.project.ID), author, "Write "+path, workspace.Change{Path: path, Content: &text})
	require.NoError(t, err)
}

func (b *bundle) read(t *testing.T, path, ref string) string {
	t.Helper()
	_, content, err := b.files.Raw(b.ctx, b.project.ID, path, ref)
	require.NoError(t, err)
	return string(content)
}

func (b *bundle) paths(t *testing.T) []string {
	t.Helper()
	_, entries, err := b.files.Checkout(b.ctx, b.project.ID, "")
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Path)
	}
	return out
}

func (b *bundle) sandbox(t *testing.T) *ent.Sandbox {
	t.Helper()
	row, err := b.db.Ent.Sandbox.Query().Only(b.ctx)
	require.NoError(t, err)
	return row
}

func (b *bundle) becomes(t *testing.T, state enum.SandboxState) {
	t.Helper()
	require.Eventually(t, func() bool { return b.sandbox(t).State == state }, time.Minute, 50*time.Millisecond)
}
