package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/keep"
	"github.com/zeblit/zeblit/internal/sandbox/link"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// labelSpec has a sandbox's Spec, for who opens it without its folder.
const labelSpec = "zeblit.spec"

// How often, and how long apart, it is tried to become a sandbox's owner: an owner that
// has just ended may still be counted as one.
const (
	attempts = 12
	apart    = 300 * time.Millisecond
)

// askPatience bounds what is asked of the engine to explain an error.
const askPatience = 10 * time.Second

// box is a sandbox.Sandbox.
type box struct {
	driver *Driver
	id     string
	name   string // of the container
	place  keep.Folder

	changing sync.Mutex // held by what changes the state, which may take long

	connecting sync.Mutex // held while a conversation begins
	mu         sync.Mutex
	link       *link.Link // nil where this process doesn't own it
	ended      error      // why this process ended the conversation itself
}

func (b *box) ID() string { return b.id }

func (b *box) now() *link.Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.link
}

// forget ends the conversation. Who still waits for something is told why.
func (b *box) forget(why error) error {
	b.mu.Lock()
	l := b.link
	b.link, b.ended = nil, why
	b.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.Close()
}

// State is sandbox.Sandbox's. An engine that doesn't answer leaves it unreachable, which
// is no error.
func (b *box) State(ctx context.Context) (sandbox.State, error) {
	if b.place.Stopped() {
		return sandbox.Stopped, nil
	}
	_, err := b.running(ctx)
	switch {
	case err == nil:
		return sandbox.Running, nil
	case errors.Is(err, sandbox.ErrUnreachable):
		return sandbox.Unreachable, nil
	case errors.Is(err, sandbox.ErrGone):
		return sandbox.Deleted, nil
	}
	return "", err
}

// running is the spec of the container, if that runs.
func (b *box) running(ctx context.Context) (sandbox.Spec, error) {
	var spec sandbox.Spec
	about, err := b.driver.api.ContainerInspect(ctx, b.name, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return spec, fmt.Errorf("sandbox %s: %w: there is no container", b.id, sandbox.ErrGone)
	}
	if err != nil {
		return spec, unreachable(err)
	}
	state := about.Container.State
	if state == nil || !state.Running {
		why := "its container doesn't run"
		if state != nil {
			why = fmt.Sprintf("its container ended with %d %s", state.ExitCode, state.Error)
		}
		return spec, fmt.Errorf("sandbox %s: %w: %s", b.id, sandbox.ErrGone, why)
	}
	err = json.Unmarshal([]byte(about.Container.Config.Labels[labelSpec]), &spec)
	return spec, err
}

// live is the conversation with what runs, begun anew where it broke.
func (b *box) live(ctx context.Context) (*link.Link, error) {
	if b.place.Stopped() {
		return nil, fmt.Errorf("sandbox %s: %w", b.id, sandbox.ErrStopped)
	}
	return b.connect(ctx)
}

func (b *box) connect(ctx context.Context) (*link.Link, error) {
	b.connecting.Lock()
	defer b.connecting.Unlock()
	if l := b.now(); l != nil {
		select {
		case <-l.Closed():
			if err := b.forget(nil); err != nil {
				return nil, err
			}
		default:
			return l, nil
		}
	}
	spec, err := b.running(ctx)
	if err != nil {
		return nil, err
	}
	settings := wire.Settings{
		Env: spec.Env, Pids: spec.Limits.Pids, OpenFiles: spec.Limits.OpenFiles, FileSize: spec.Limits.FileSize,
	}
	var l *link.Link
	for range attempts {
		if l, err = b.open(ctx, settings); err == nil {
			b.mu.Lock()
			b.link, b.ended = l, nil
			b.mu.Unlock()
			return l, nil
		}
		select {
		case <-time.After(apart):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("sandbox %s: it may have another owner: %w", b.id, err)
}

func (b *box) open(ctx context.Context, settings wire.Settings) (*link.Link, error) {
	connection, err := b.driver.dial(ctx, b.name)
	if err != nil {
		if _, gone := b.running(ctx); gone != nil {
			return nil, gone
		}
		return nil, unreachable(err)
	}
	return link.Open(ctx, connection, settings, b.explain)
}

// explain asks the engine what came of a sandbox whose conversation broke.
func (b *box) explain() error {
	b.mu.Lock()
	ended := b.ended
	b.mu.Unlock()
	if ended != nil {
		return fmt.Errorf("sandbox %s: %w", b.id, ended)
	}
	ctx, cancel := context.WithTimeout(context.Background(), askPatience)
	defer cancel()
	_, err := b.running(ctx)
	return err
}

func (b *box) create(ctx context.Context, spec sandbox.Spec) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	if b.place.Exists() {
		return sandbox.ErrExists
	}
	if err := b.driver.make(ctx, b.name, spec); err != nil {
		return err
	}
	err := b.place.Save(spec)
	if err == nil {
		_, err = b.connect(ctx)
	}
	if err != nil {
		return errors.Join(err, b.forget(sandbox.ErrGone), b.driver.discard(b.name), b.place.Remove())
	}
	return nil
}

// Stop is sandbox.Sandbox's.
func (b *box) Stop(ctx context.Context) (left string, err error) {
	b.changing.Lock()
	defer b.changing.Unlock()
	l, err := b.live(ctx)
	if errors.Is(err, sandbox.ErrStopped) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if left, err = b.carryOut(ctx, l); err != nil {
		return "", fmt.Errorf("stop sandbox %s: %w", b.id, err)
	}
	return left, errors.Join(b.forget(sandbox.ErrStopped), b.driver.discard(b.name))
}

func (b *box) carryOut(ctx context.Context, l *link.Link) (left string, err error) {
	spec, err := b.running(ctx)
	if err != nil {
		return "", err
	}
	if err := l.Halt(ctx); err != nil {
		return "", err
	}
	archive, err := l.Archive(ctx, &left)
	if err != nil {
		return "", err
	}
	defer func() { _ = archive.Close() }()
	if err := b.place.Save(spec); err != nil {
		return "", err
	}
	// Names and times take room besides the content, and many small files more.
	err = b.place.Keep(archive, 4*spec.Limits.Disk+64<<20)
	return left, err
}

// Wake is sandbox.Sandbox's.
func (b *box) Wake(ctx context.Context) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	if !b.place.Stopped() {
		_, err := b.live(ctx)
		return err
	}
	if err := b.wake(ctx); err != nil {
		return fmt.Errorf("wake sandbox %s: %w", b.id, err)
	}
	return nil
}

func (b *box) wake(ctx context.Context) error {
	spec, err := b.place.Spec()
	if err != nil {
		return err
	}
	archive, err := b.place.Archive()
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	// What was left when stopping or waking it was cut short.
	if err := errors.Join(b.forget(sandbox.ErrStopped), b.driver.discard(b.name)); err != nil {
		return err
	}
	if err := b.driver.make(ctx, b.name, spec); err != nil {
		return err
	}
	l, err := b.connect(ctx)
	if err == nil {
		err = l.Restore(ctx, archive)
	}
	if err == nil {
		err = b.place.Woken()
	}
	if err != nil {
		return errors.Join(err, b.forget(sandbox.ErrStopped), b.driver.discard(b.name)) // it stays stopped
	}
	return nil
}

// Delete is sandbox.Sandbox's.
func (b *box) Delete(ctx context.Context) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	if b.now() == nil {
		// It is another process's while that speaks to it.
		owned, err := b.driver.owned(ctx, b.name)
		if err != nil {
			return err
		}
		if owned {
			return fmt.Errorf("sandbox %s: %w: another process has it", b.id, sandbox.ErrUnreachable)
		}
	}
	_ = b.forget(sandbox.ErrGone) // the container goes anyhow
	if err := b.driver.discard(b.name); err != nil {
		return err
	}
	return b.place.Remove()
}

// drop ends what this process has, for the driver's own end. What it had is lost.
func (b *box) drop() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	if b.now() == nil {
		return nil
	}
	_ = b.forget(sandbox.ErrGone) // the container goes anyhow
	return b.driver.discard(b.name)
}
