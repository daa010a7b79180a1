package engine

import (
	"context"
	"io"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// Start is sandbox.Sandbox's.
func (b *box) Start(ctx context.Context, command sandbox.Command) (sandbox.Process, error) {
	l, err := b.live(ctx)
	if err != nil {
		return nil, err
	}
	return l.Start(ctx, command)
}

// Scan is sandbox.Sandbox's.
func (b *box) Scan(ctx context.Context, root string, options sandbox.ScanOptions) ([]sandbox.Entry, error) {
	l, err := b.live(ctx)
	if err != nil {
		return nil, err
	}
	return l.Scan(ctx, root, options)
}

// Put is sandbox.Sandbox's.
func (b *box) Put(ctx context.Context, root string, tar io.Reader) error {
	l, err := b.live(ctx)
	if err != nil {
		return err
	}
	return l.Put(ctx, root, tar)
}

// Remove is sandbox.Sandbox's.
func (b *box) Remove(ctx context.Context, root string, paths []string) error {
	l, err := b.live(ctx)
	if err != nil {
		return err
	}
	return l.Remove(ctx, root, paths)
}

// Get is sandbox.Sandbox's.
func (b *box) Get(ctx context.Context, root string, paths []string) (io.ReadCloser, error) {
	l, err := b.live(ctx)
	if err != nil {
		return nil, err
	}
	return l.Get(ctx, root, paths)
}

// Stats is sandbox.Sandbox's.
func (b *box) Stats(ctx context.Context) (sandbox.Stats, error) {
	l, err := b.live(ctx)
	if err != nil {
		return sandbox.Stats{}, err
	}
	return l.Usage(ctx)
}
