package stream

import "context"

// Carrier wakes the subscribers on every node when events have been committed. It
// may lose, double or reorder what it carries: the log is the truth, and the hub
// heals from it. All that a carrier gives is speed.
type Carrier interface {
	// Publish announces committed events. It waits for no subscriber. An error
	// says that some subscribers may not have been reached; nothing retries it.
	Publish(ctx context.Context, events []Event) error
	// Subscribe calls fn for the project's events, one at a time, until cancel
	// returns. fn must return at once and must not call the carrier; the event's
	// payload is shared, so nobody may change it.
	Subscribe(projectID string, fn func(Event)) (cancel func())
	// Run keeps the carrier's connections until ctx ends.
	Run(ctx context.Context) error
}
