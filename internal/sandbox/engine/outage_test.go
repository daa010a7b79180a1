package engine_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/engine"
	"github.com/zeblit/zeblit/internal/sandbox/enginetest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// wire is a way to the engine that can be cut.
type wire struct {
	t       *testing.T
	path    string
	working sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func (w *wire) up() {
	listener, err := net.Listen("unix", w.path)
	require.NoError(w.t, err)
	w.mu.Lock()
	w.listener = listener
	w.mu.Unlock()
	w.working.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", strings.TrimPrefix(enginetest.Host(w.t), "unix://"))
			if err != nil {
				_ = from.Close()
				continue
			}
			w.mu.Lock()
			w.open = append(w.open, from, to)
			w.mu.Unlock()
			for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
				w.working.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.listener.Close()
	for _, connection := range w.open {
		_ = connection.Close()
	}
	w.open = nil
}

// An engine that can't be reached says nothing of its sandboxes, and they go on.
func TestAnOutageLosesNothing(t *testing.T) {
	w := &wire{t: t, path: filepath.Join(t.TempDir(), "socket")}
	w.up()
	t.Cleanup(w.working.Wait)
	t.Cleanup(w.cut)
	driver, err := engine.New(engine.Config{Host: "unix://" + w.path, Image: enginetest.Image, Dir: t.TempDir(), Inside: sandboxtest.Program(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "far"})
	require.NoError(t, err)
	p, err := box.Start(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "echo kept >file; echo up; sleep 300"}})
	require.NoError(t, err)
	_, err = p.Next(t.Context())
	require.NoError(t, err)

	w.cut()
	_, err = p.Next(t.Context())
	require.ErrorIs(t, err, sandbox.ErrUnreachable)
	state, err := box.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.Unreachable, state)
	_, err = driver.Open(t.Context(), "far")
	require.ErrorIs(t, err, sandbox.ErrUnreachable)
	_, err = driver.Create(t.Context(), sandbox.Spec{ID: "far"})
	require.ErrorIs(t, err, sandbox.ErrExists)
	_, err = driver.List(t.Context())
	require.ErrorIs(t, err, sandbox.ErrUnreachable)
	_, err = box.Stop(t.Context())
	require.ErrorIs(t, err, sandbox.ErrUnreachable)
	require.NoError(t, p.Close())

	w.up()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = sandbox.Run(ctx, box, sandbox.Command{Argv: []string{"cat", "file"}}, func(c sandbox.Chunk) error {
		out.Write(c.Data)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "kept\n", out.String())
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.Processes, "what nobody hears any more was ended")
	require.NoError(t, box.Delete(t.Context()))
}

// A container that others end is lost, and is not made anew.
func TestAContainerThatEndsIsLost(t *testing.T) {
	driver := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "ended"})
	require.NoError(t, err)
	api, err := client.New(client.WithHost(enginetest.Host(t)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, api.Close()) })
	listed, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", "zeblit.sandbox=ended")})
	require.NoError(t, err)
	require.Len(t, listed.Items, 1)
	_, err = api.ContainerKill(t.Context(), listed.Items[0].ID, client.ContainerKillOptions{Signal: "KILL"})
	require.NoError(t, err)

	require.Eventually(t, func() bool {
		state, err := box.State(t.Context())
		return err == nil && state == sandbox.Deleted
	}, time.Minute, 50*time.Millisecond)
	_, err = box.Start(t.Context(), sandbox.Command{Argv: []string{"true"}})
	require.ErrorIs(t, err, sandbox.ErrGone)
	_, err = driver.Open(t.Context(), "ended")
	require.ErrorIs(t, err, sandbox.ErrGone)
	_, err = driver.Create(t.Context(), sandbox.Spec{ID: "ended"})
	require.ErrorIs(t, err, sandbox.ErrExists)
	found, err := driver.List(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, sandbox.Deleted, found[0].State)
	require.NoError(t, driver.Delete(t.Context(), "ended"))
	found, err = driver.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}
