package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// watcher is a subscriber of a project that is cut, or stalls, now and then and goes on
// by its cursor, at one server or the other. It keeps a fingerprint of each event, in
// the order they came, double or not.
type watcher struct {
	kind    string // of client
	project *Project
	sight   sight

	mu      sync.Mutex
	records []*record // the last is being written
	awaited bool      // the subscription began behind an event and hasn't brought one
	resumed int
	contact
	slow     int // times that the server ended a connection because it was read too slowly
	resets   []string
	problems []string
}

// record is what came of one log: the project's, or of one run.
type record struct {
	run    string // where it is of one
	over   bool   // that run has ended
	cursor string // of the latest event
	last   int64  // its number
	got    []arrival
}

// arrival is an event as a client received it.
type arrival struct {
	seq   int64
	print uint64
}

// prepare waits until there is something to subscribe to: at once, but for a watcher of
// runs that has seen its last one end and waits for another. Once all is calm it begins
// no other.
func (w *watcher) prepare(ctx context.Context, l *Load) error {
	for {
		if err := ctx.Err(); err != nil || w.ready(l) {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (w *watcher) ready(l *Load) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.records)
	switch {
	case !w.sight.runs && n == 0:
		w.records = append(w.records, &record{cursor: client.Start})
	case w.sight.runs && (n == 0 || w.records[n-1].over):
		if l.isCalm() {
			return false
		}
		run := l.latestRun(w.project.ID, func(run string) bool {
			return !slices.ContainsFunc(w.records, func(r *record) bool { return r.run == run })
		})
		if run == "" {
			return false
		}
		w.records = append(w.records, &record{run: run, cursor: client.Start})
	}
	return true
}

// latestRuns bounds how far back a watcher looks for a run that it hasn't seen.
const latestRuns = 6

// latestRun is the latest run of a project that wanted accepts, or "".
func (l *Load) latestRun(project string, wanted func(run string) bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := latestRuns
	for _, s := range slices.Backward(l.sent) {
		switch {
		case s.Project != project:
		case left == 0:
			return ""
		case wanted(s.Run):
			return s.Run
		default:
			left--
		}
	}
	return ""
}

// subscribe says what to subscribe to next, where it was left.
func (w *watcher) subscribe() (query string, variables map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.records[len(w.records)-1]
	w.awaited = r.last > 0
	w.asked++
	variables = map[string]any{"id": w.project.ID, "after": r.cursor}
	if r.run != "" {
		variables["id"] = r.run
	}
	if w.sight.types != nil {
		variables["types"] = w.sight.types
	}
	return w.sight.query(), variables
}

// again notes that a client subscribed anew by itself.
func (w *watcher) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connected++
	w.awaited = len(w.records) > 0 && w.records[len(w.records)-1].last > 0
}

// take keeps an event. over: it was the last of a run, and there is another thing to
// subscribe to.
func (w *watcher) take(raw json.RawMessage) (over bool) {
	h, err := hear(raw)
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.records[len(w.records)-1]
	switch {
	case err != nil || h.Cursor == "":
		w.problems = append(w.problems, fmt.Sprintf("no event: %s", raw))
		return false
	case h.Type == "StreamReset":
		w.resets = append(w.resets, h.Reason)
		r.cursor = h.Cursor
		return false
	}
	if w.awaited {
		w.awaited = false
		w.resumed++
	}
	r.cursor, r.last = h.Cursor, h.Seq
	w.heard = time.Now()
	r.got = append(r.got, arrival{h.Seq, fingerprint(w.sight.shown(h.told()))})
	if r.run != "" && h.Type == "RunStateChanged" && h.Run.ID == r.run && final(h.State) {
		r.over = true
	}
	return r.over
}

// closed notes how a connection ended.
func (w *watcher) closed(end ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if end.slow {
		w.slow++
	}
	if end.problem != "" {
		w.problems = append(w.problems, fmt.Sprintf("a %s watcher of %s (%s): %s", w.kind, w.project.ID, w.sight.name, end.problem))
	}
}

// ending is how a connection ended, as far as that matters.
type ending struct {
	slow    bool   // the server says that it was read too slowly
	problem string // that no fault excuses
}

// counts are what a watcher has to show so far.
func (w *watcher) counts() (delivered, resumed, slow int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		delivered += len(r.got)
	}
	return delivered, w.resumed, w.slow
}

// contact is how a watcher stood with the servers, for when it missed something.
type contact struct {
	asked     int // times that it was told to subscribe
	connected int // times that the client says it had connected, where a library does that by itself
	heard     time.Time
}

func (c contact) String() string {
	last := "has never heard anything"
	if !c.heard.IsZero() {
		last = fmt.Sprintf("heard the last %s ago", time.Since(c.heard).Round(time.Second))
	}
	return fmt.Sprintf("told to subscribe %d times, connected by itself %d times, it %s", c.asked, c.connected, last)
}

// caughtUp waits until the watcher has the last event that is to be delivered to it, and
// reports false when ctx ends before.
func (w *watcher) caughtUp(ctx context.Context, in *Installation) bool {
	for ctx.Err() == nil {
		w.mu.Lock()
		run, last := "", int64(0)
		if n := len(w.records); n > 0 {
			run, last = w.records[n-1].run, w.records[n-1].last
		}
		w.mu.Unlock()
		if w.sight.runs && run == "" {
			return true
		}
		statement, args := w.sight.last(w.project.ID, run)
		var head int64
		if err := in.db.QueryRowContext(ctx, statement, args...).Scan(&head); err == nil && last >= head {
			return true
		}
		_ = pause(ctx, 20*time.Millisecond)
	}
	return false
}
