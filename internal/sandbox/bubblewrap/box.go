//go:build linux

package bubblewrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/keep"
	"github.com/zeblit/zeblit/internal/sandbox/link"
)

// box is a sandbox.Sandbox.
type box struct {
	driver *Driver
	id     string
	place  keep.Folder

	changing sync.Mutex // held by what changes the state, which may take long

	mu      sync.Mutex
	running *running // nil where it doesn't run here
}

func (b *box) ID() string { return b.id }

func (b *box) now() *running {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running
}

func (b *box) set(r *running) {
	b.mu.Lock()
	b.running = r
	b.mu.Unlock()
}

// look finds out the state from what there is. Deleted is both: gone, and lost.
func (b *box) look() (sandbox.State, error) {
	if r := b.now(); r != nil {
		return r.state(), nil
	}
	if !b.place.Exists() {
		return sandbox.Deleted, nil
	}
	locked, err := b.place.Locked()
	if err != nil {
		return "", err
	}
	if locked {
		if r := b.now(); r != nil {
			return r.state(), nil // it was us, since we looked
		}
		return sandbox.Unreachable, nil
	}
	if b.place.Stopped() {
		return sandbox.Stopped, nil
	}
	return sandbox.Deleted, nil
}

func (b *box) State(context.Context) (sandbox.State, error) { return b.look() }

// live is the conversation with what runs, or why there is none.
func (b *box) live() (*link.Link, error) {
	if r := b.now(); r != nil {
		if r.state() == sandbox.Running {
			return r.link, nil
		}
		if err := r.gone(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("sandbox %s: %w: it doesn't answer", b.id, sandbox.ErrUnreachable)
	}
	state, err := b.look()
	switch {
	case err != nil:
		return nil, err
	case state == sandbox.Running:
		return b.live()
	case state == sandbox.Stopped:
		return nil, fmt.Errorf("sandbox %s: %w", b.id, sandbox.ErrStopped)
	case state == sandbox.Unreachable:
		return nil, fmt.Errorf("sandbox %s: %w", b.id, sandbox.ErrUnreachable)
	}
	return nil, fmt.Errorf("sandbox %s: %w", b.id, sandbox.ErrGone)
}

func (b *box) create(ctx context.Context, spec sandbox.Spec) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	if b.now() != nil {
		return sandbox.ErrExists
	}
	lock, err := b.place.Make(spec)
	if err != nil {
		return err
	}
	r, err := b.driver.run(ctx, spec, lock)
	if err != nil {
		return errors.Join(err, lock.Close(), b.place.Remove())
	}
	b.set(r)
	return nil
}

// Stop is sandbox.Sandbox's.
func (b *box) Stop(ctx context.Context) (left string, err error) {
	b.changing.Lock()
	defer b.changing.Unlock()
	l, err := b.live()
	if errors.Is(err, sandbox.ErrStopped) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if left, err = b.carryOut(ctx, l); err != nil {
		return "", fmt.Errorf("stop sandbox %s: %w", b.id, err)
	}
	r := b.now()
	b.set(nil)
	return left, r.end()
}

func (b *box) carryOut(ctx context.Context, l *link.Link) (left string, err error) {
	if err := l.Halt(ctx); err != nil {
		return "", err
	}
	stats, err := l.Usage(ctx)
	if err != nil {
		return "", err
	}
	archive, err := l.Archive(ctx, &left)
	if err != nil {
		return "", err
	}
	defer func() { _ = archive.Close() }()
	// Names and times take room besides the content, and many small files more.
	err = b.place.Keep(archive, 4*stats.DiskLimit+64<<20)
	return left, err
}

// Wake is sandbox.Sandbox's.
func (b *box) Wake(ctx context.Context) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	_, err := b.live()
	if !errors.Is(err, sandbox.ErrStopped) {
		return err
	}
	if err := b.wake(ctx); err != nil {
		return fmt.Errorf("wake sandbox %s: %w", b.id, err)
	}
	return nil
}

func (b *box) wake(ctx context.Context) error {
	lock, err := b.place.Lock()
	if err != nil {
		return err
	}
	spec, err := b.place.Spec()
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	archive, err := b.place.Archive()
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	defer func() { _ = archive.Close() }()
	r, err := b.driver.run(ctx, spec, lock)
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	if err := r.link.Restore(ctx, archive); err != nil {
		return errors.Join(err, r.end()) // it stays stopped
	}
	if err := b.place.Woken(); err != nil {
		return errors.Join(err, r.end())
	}
	b.set(r)
	return nil
}

// Delete is sandbox.Sandbox's.
func (b *box) Delete(context.Context) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	var ended error
	if r := b.now(); r != nil {
		b.set(nil)
		ended = r.end()
	}
	if !b.place.Exists() {
		return ended
	}
	lock, err := b.place.Lock()
	if err != nil {
		return errors.Join(ended, err)
	}
	return errors.Join(ended, b.place.Remove(), lock.Close(), b.driver.forgetGroup(b.id))
}

// drop ends what runs, for the driver's own end. What it had is lost.
func (b *box) drop() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	r := b.now()
	if r == nil {
		return nil
	}
	b.set(nil)
	return r.end()
}

// Start is sandbox.Sandbox's.
func (b *box) Start(ctx context.Context, command sandbox.Command) (sandbox.Process, error) {
	l, err := b.live()
	if err != nil {
		return nil, err
	}
	p, err := l.Start(ctx, command)
	if err != nil {
		return nil, err
	}
	return b.watchMemory(p), nil
}

// Scan is sandbox.Sandbox's.
func (b *box) Scan(ctx context.Context, root string, options sandbox.ScanOptions) ([]sandbox.Entry, error) {
	l, err := b.live()
	if err != nil {
		return nil, err
	}
	return l.Scan(ctx, root, options)
}

// Put is sandbox.Sandbox's.
func (b *box) Put(ctx context.Context, root string, tar io.Reader) error {
	l, err := b.live()
	if err != nil {
		return err
	}
	return l.Put(ctx, root, tar)
}

// Remove is sandbox.Sandbox's.
func (b *box) Remove(ctx context.Context, root string, paths []string) error {
	l, err := b.live()
	if err != nil {
		return err
	}
	return l.Remove(ctx, root, paths)
}

// Get is sandbox.Sandbox's.
func (b *box) Get(ctx context.Context, root string, paths []string) (io.ReadCloser, error) {
	l, err := b.live()
	if err != nil {
		return nil, err
	}
	return l.Get(ctx, root, paths)
}

// Stats is sandbox.Sandbox's.
func (b *box) Stats(ctx context.Context) (sandbox.Stats, error) {
	l, err := b.live()
	if err != nil {
		return sandbox.Stats{}, err
	}
	stats, err := l.Usage(ctx)
	r := b.now()
	if err != nil || r == nil || r.group == nil {
		return stats, err
	}
	usage := r.group.Usage()
	stats.Memory, stats.MemoryPeak, stats.OutOfMemory = usage.Memory, usage.MemoryPeak, usage.OutOfMemory
	return stats, nil
}

// watched adds to a process's end what only the host can tell.
type watched struct {
	sandbox.Process
	running *running
	before  int
}

func (b *box) watchMemory(p sandbox.Process) sandbox.Process {
	r := b.now()
	if r == nil || r.group == nil {
		return p
	}
	return watched{Process: p, running: r, before: r.group.Usage().OutOfMemory}
}

// Wait is sandbox.Process's.
func (w watched) Wait(ctx context.Context) (sandbox.Exit, error) {
	exit, err := w.Process.Wait(ctx)
	if err == nil && w.running.group.Usage().OutOfMemory > w.before {
		exit.OutOfMemory = true
	}
	return exit, err
}
