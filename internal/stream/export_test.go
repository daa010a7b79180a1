package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

// GiveUpAfter sets how long a failing commit is repeated, the last one too, from the next
// one on.
func GiveUpAfter(d *Deltas, within time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.giveUp, d.lastWords = within, within
}

// LoseOutcomes makes the next n commits go through and report an error, as when the
// connection breaks before the answer. It must be called before Run.
func LoseOutcomes(d *Deltas, n int64) (left *atomic.Int64) {
	inTx := d.inTx
	left = &atomic.Int64{}
	left.Store(n)
	d.inTx = func(ctx context.Context, fn func(context.Context, *store.Tx) error) error {
		if err := inTx(ctx, fn); err != nil || left.Add(-1) < 0 {
			return err
		}
		return errors.New("commit: driver: bad connection")
	}
	return left
}

// HoldReads makes every read of the log wait for a token: in heads for one of
// where a log ends, in pages for one of events. It must be called before Follow.
func HoldReads(h *Hub) (heads, pages chan struct{}) {
	held := &heldSource{source: h.source, heads: make(chan struct{}), pages: make(chan struct{})}
	h.source = held
	return held.heads, held.pages
}

type heldSource struct {
	source
	heads, pages chan struct{}
}

func (s *heldSource) Head(ctx context.Context, h access.StreamHandle) (head, horizon int64, err error) {
	<-s.heads
	return s.source.Head(context.WithoutCancel(ctx), h) // it may have been held for long
}

func (s *heldSource) page(ctx context.Context, h access.StreamHandle, after int64) ([]Event, error) {
	<-s.pages
	return s.source.page(context.WithoutCancel(ctx), h, after)
}

// KeptQuery is what compaction asks for each step.
const KeptQuery = keptQuery
