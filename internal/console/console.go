// Package console keeps what the apps of projects write to the consoles of the browsers
// that run them, so that people and agents see what went wrong there.
//
// A page loads Script with its project's key, and the script reports in batches. The key
// is public, as it stands in the page: whoever has it can report and do nothing else, and
// an editor can put another in its place. What is reported is therefore worth as much as
// the word of a stranger: it is bounded in size and number, shown to the project's
// members, told to agents as data, and gone after a day, from the log of events too.
//
// Errors that have the same stack are one, however often and on however many pages they
// happen; see fingerprint.go.
package console

import (
	"context"
	"log/slog"
	"time"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// DefaultRetention is how long entries are kept.
const DefaultRetention = 24 * time.Hour

// Options are the parts that a Service works with.
type Options struct {
	DB     *store.DB
	Log    *stream.Log
	Logger *slog.Logger
	// Retention is how long entries are kept. 0: DefaultRetention.
	Retention time.Duration
	// Limit is asked before a report is taken: with the name "console-address" and no
	// key before it is known whose it is, then with "console" and the project's id. Nil:
	// nothing is limited.
	Limit func(ctx context.Context, name, key string) error
}

// Service takes reports, and makes the keys for them. Reading what was reported needs no
// Service: see Filter.
type Service struct{ Options }

// New makes a Service.
func New(o Options) *Service {
	if o.Limit == nil {
		o.Limit = func(context.Context, string, string) error { return nil }
	}
	if o.Retention <= 0 {
		o.Retention = DefaultRetention
	}
	return &Service{o}
}
