package command_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// halt holds up one call, once it is armed, until it may go on or its context ends.
type halt struct {
	armed     atomic.Bool
	came, may chan struct{}
	goOn      func()
}

func newHalt() *halt {
	h := &halt{came: make(chan struct{}), may: make(chan struct{})}
	h.goOn = sync.OnceFunc(func() { close(h.may) })
	return h
}

func (h *halt) pass(ctx context.Context) error {
	if h == nil || !h.armed.CompareAndSwap(true, false) {
		return nil
	}
	close(h.came)
	select {
	case <-h.may:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// comes waits for the call.
func (h *halt) comes(t *testing.T) {
	t.Helper()
	select {
	case <-h.came:
	case <-time.After(time.Minute):
		require.Fail(t, "nothing came")
	}
}

// halts are what a host's calls of its sandboxes are held up by; nil: they aren't.
type halts struct {
	create, delete, scan, stop, kill *halt
}

// halting launches a host whose calls are held up.
func (b *bundle) halting(t *testing.T, by halts) (end func(), ended <-chan error) {
	t.Helper()
	end, ended = b.launch(t, func(ctx context.Context) (sandbox.Driver, error) {
		driver, err := b.bubblewrap(t)(ctx)
		return haltingDriver{driver, by}, err
	})
	t.Cleanup(func() {
		for _, h := range []*halt{by.create, by.delete, by.scan, by.stop, by.kill} {
			if h != nil {
				h.goOn()
			}
		}
	})
	return end, ended
}

type haltingDriver struct {
	sandbox.Driver
	by halts
}

func (d haltingDriver) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	if err := d.by.create.pass(ctx); err != nil {
		return nil, err
	}
	made, err := d.Driver.Create(ctx, spec)
	return haltingBox{made, d.by}, err
}

func (d haltingDriver) Open(ctx context.Context, id string) (sandbox.Sandbox, error) {
	found, err := d.Driver.Open(ctx, id)
	return haltingBox{found, d.by}, err
}

func (d haltingDriver) Delete(ctx context.Context, id string) error {
	if err := d.by.delete.pass(ctx); err != nil {
		return err
	}
	return d.Driver.Delete(ctx, id)
}

type haltingBox struct {
	sandbox.Sandbox
	by halts
}

func (b haltingBox) Scan(ctx context.Context, root string, options sandbox.ScanOptions) ([]sandbox.Entry, error) {
	if err := b.by.scan.pass(ctx); err != nil {
		return nil, err
	}
	return b.Sandbox.Scan(ctx, root, options)
}

func (b haltingBox) Stop(ctx context.Context) (left string, err error) {
	if err := b.by.stop.pass(ctx); err != nil {
		return "", err
	}
	return b.Sandbox.Stop(ctx)
}

func (b haltingBox) Start(ctx context.Context, c sandbox.Command) (sandbox.Process, error) {
	p, err := b.Sandbox.Start(ctx, c)
	return haltingProcess{p, b.by}, err
}

type haltingProcess struct {
	sandbox.Process
	by halts
}

func (p haltingProcess) Signal(ctx context.Context, name string) error {
	if name == "KILL" {
		if err := p.by.kill.pass(ctx); err != nil {
			return err
		}
	}
	return p.Process.Signal(ctx, name)
}
