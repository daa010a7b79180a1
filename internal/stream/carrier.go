package stream

import (
	"context"
	"errors"
)

// Carrier wakes the subscribers on every node when events have been committed. It
// may lose, double or reorder what it carries: the log is the truth, and the hub
// heals from it. All that a carrier gives is speed.
type Carrier interface {
	// Publish announces committed events. It waits for no subscriber and no
	// network. An error says that some subscribers may not have been reached;
	// nothing retries it.
	Publish(ctx context.Context, events []Event) error
	// Subscribe calls hear for the project's events, and gap when some of them may
	// have been lost, one call at a time, until cancel returns. It doesn't wait for
	// the network: gap is also called once events from other nodes begin to come.
	// Both must return at once and must not call the carrier; the event's payload is
	// shared, so nobody may change it.
	Subscribe(projectID string, hear func(Event), gap func()) (cancel func())
	// Healthy reports whether events from other nodes are coming in, as far as the
	// carrier knows. Before it becomes true again it calls every gap.
	Healthy() bool
	// Run keeps the carrier's connections until ctx ends.
	Run(ctx context.Context) error
}

// ErrCarrierDown is Publish's error while the carrier reaches no other node, which
// the carrier logs itself, once.
var ErrCarrierDown = errors.New("other nodes can't be reached")
