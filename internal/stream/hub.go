package stream

import (
	"context"
	"log/slog"
	"sync"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
)

// channelSize is how far a subscription reads ahead of its consumer. When it is full,
// the subscription waits; writers and other subscribers don't.
const channelSize = 64

// FromNow begins behind the latest event.
const FromNow int64 = -1

// Hub tells readers of a project's events. All readers of a project share one room: it
// listens to the carrier once and keeps the latest events, and what a reader needs
// beside those is read from the log once for all who need it at the time.
//
// Readers pull. Nothing is kept for one that is slow, and it holds up nobody: what has
// left the ring by the time it comes it reads from the log.
type Hub struct {
	source  source
	carrier Carrier
	heads   *heads
	logger  *slog.Logger
	slots   chan struct{} // one for each query that may run
	counts  hubCounters

	mu    sync.Mutex
	rooms map[string]*room // by project
}

// NewHub makes a Hub that reads log and is woken by carrier.
func NewHub(log *Log, carrier Carrier, logger *slog.Logger) *Hub {
	return newHub(log, newHeads(log, carrier, logger), carrier, logger)
}

func newHub(s source, heads *heads, carrier Carrier, logger *slog.Logger) *Hub {
	return &Hub{
		source: s, carrier: carrier, heads: heads, logger: logger,
		slots: make(chan struct{}, readsAtOnce), rooms: map[string]*room{},
	}
}

// Run waits for the end of ctx. Readers go on until they are closed: whoever serves them
// decides how their clients learn of the end.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Subscribe is Follow for who wants a channel: it yields what Next returns, as far as
// keep wants it (nil: all), and every STREAM_RESET. The channel is closed when ctx ends
// or the project is gone.
func (h *Hub) Subscribe(ctx context.Context, handle access.StreamHandle, after int64, keep func(Event) bool) (<-chan Event, error) {
	r, err := h.Follow(ctx, handle, after)
	if err != nil {
		return nil, err
	}
	out := make(chan Event, channelSize)
	go func() {
		defer close(out)
		defer r.Close()
		for {
			events, err := r.Next(ctx)
			if err != nil {
				return
			}
			for _, e := range events {
				if keep != nil && e.Type != enum.EventStreamReset && !keep(e) {
					continue
				}
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}
