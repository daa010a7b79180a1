package stream

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quiet is how long nothing may come for a project before its head is read, in
	// case the carrier has lost the latest events.
	quiet = 1500 * time.Millisecond
	// unsure is how often the head is read while the carrier isn't healthy,
	// whatever comes: what this node publishes says nothing of the others.
	unsure = 500 * time.Millisecond
	// headPause is the least time between two reads, so that they share queries.
	headPause = 20 * time.Millisecond
)

// position is where a project's log stands.
type position struct {
	head, horizon int64
	gone          bool // the project was deleted
	setBack       bool // the head is below where it was: the database is an older one
}

// heads looks at the ends of the logs that have readers, with one query for all
// projects that are due. Its goroutine exists while there are readers; the last one to
// leave waits for it.
type heads struct {
	read    func(ctx context.Context, projectIDs []string) (map[string]position, error)
	carrier Carrier
	logger  *slog.Logger
	// wake holds one token while a project may have become due early.
	wake chan struct{}

	mu       sync.Mutex
	projects map[string]*watched
	stop     context.CancelFunc // of the goroutine; nil when there is none
	done     chan struct{}      // closed when that one has ended
}

// watcher is told where the log stood a moment ago. It must not block.
type watcher interface{ see(position) }

// watched is a project with watchers.
type watched struct {
	watchers map[watcher]struct{}
	checked  time.Time
	before   int64        // top, when the latest read began
	heard    atomic.Int64 // when the latest event came, in Unix nanoseconds
	top      atomic.Int64 // the highest number known
	gap      atomic.Bool  // events may have been lost
}

// hear notes an event that the carrier has brought.
func (w *watched) hear(e Event) {
	w.heard.Store(time.Now().UnixNano())
	w.raise(e.Seq)
}

func (w *watched) raise(seq int64) {
	for {
		top := w.top.Load()
		if seq <= top || w.top.CompareAndSwap(top, seq) {
			return
		}
	}
}

// judge adds to a position what is known here.
func (w *watched) judge(p position, found bool) position {
	p.gone = !found
	p.setBack = found && p.head < w.before
	w.learn(p)
	return p
}

// learn notes what a position says of the highest number.
func (w *watched) learn(p position) {
	if p.setBack {
		w.top.Store(p.head)
	}
	w.raise(p.head)
}

func newHeads(log *Log, carrier Carrier, logger *slog.Logger) *heads {
	return &heads{
		read: log.positions, carrier: carrier, logger: logger,
		wake: make(chan struct{}, 1), projects: map[string]*watched{},
	}
}

// watch begins to tell b the project's position whenever it has been read. The caller
// notes in the watched project what the carrier says, and calls leave once.
func (h *heads) watch(projectID string, b watcher) (w *watched, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w = h.projects[projectID]
	if w == nil {
		w = &watched{watchers: map[watcher]struct{}{}, checked: time.Now()}
		h.projects[projectID] = w
		h.poke()
	}
	w.watchers[b] = struct{}{}
	if h.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		h.stop, h.done = cancel, done
		go func() {
			defer close(done)
			h.run(ctx)
		}()
	}
	return w, func() { h.leave(projectID, b) }
}

func (h *heads) leave(projectID string, b watcher) {
	h.mu.Lock()
	w := h.projects[projectID]
	delete(w.watchers, b)
	if len(w.watchers) == 0 {
		delete(h.projects, projectID)
	}
	if len(h.projects) > 0 {
		h.mu.Unlock()
		return
	}
	stop, done := h.stop, h.done
	h.stop, h.done = nil, nil
	h.mu.Unlock()
	stop()
	<-done
}

// lost asks for the project's position at once. It never blocks: the carrier calls it.
func (h *heads) lost(w *watched) {
	w.gap.Store(true)
	h.poke()
}

func (h *heads) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *heads) run(ctx context.Context) {
	defer h.poke() // a token that was meant for the next one
	timer := time.NewTimer(headPause)
	defer timer.Stop()
	for {
		due, wait := h.due(time.Now())
		if len(due) > 0 && !h.check(ctx, due) {
			wait = unsure
		}
		timer.Reset(max(wait, headPause))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			continue
		case <-h.wake:
		}
		// What else becomes due in this moment goes into the same query.
		timer.Reset(headPause)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// due takes the projects whose position is to be read now, and says how long it is
// until the next ones are.
func (h *heads) due(now time.Time) (projectIDs []string, wait time.Duration) {
	healthy := h.carrier.Healthy()
	h.mu.Lock()
	defer h.mu.Unlock()
	wait = quiet
	for id, w := range h.projects {
		last, every := w.checked, unsure
		if healthy {
			every = quiet
			if heard := time.Unix(0, w.heard.Load()); heard.After(last) {
				last = heard
			}
		}
		left := every - now.Sub(last)
		if w.gap.Swap(false) || left <= 0 {
			projectIDs, left = append(projectIDs, id), every
			w.checked, w.before = now, w.top.Load()
		}
		wait = min(wait, left)
	}
	return projectIDs, wait
}

// check reads positions and hands them to the watchers. When that fails it is
// done again for all of them.
func (h *heads) check(ctx context.Context, projectIDs []string) bool {
	within, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	positions, err := h.read(within, projectIDs)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			h.logger.Warn("the ends of the projects' logs can't be read; trying again", "projects", len(projectIDs), "error", err)
		}
		for _, id := range projectIDs {
			if w := h.projects[id]; w != nil {
				w.gap.Store(true)
			}
		}
		return false
	}
	for _, id := range projectIDs {
		w := h.projects[id]
		if w == nil {
			continue
		}
		p, found := positions[id]
		p = w.judge(p, found)
		for b := range w.watchers {
			b.see(p)
		}
	}
	return true
}

// positions reads where the logs stand. The projects that are gone are missing from
// the answer. Only who has a handle on a project may come to know what it says.
func (l *Log) positions(ctx context.Context, projectIDs []string) (map[string]position, error) {
	found := make(map[string]position, len(projectIDs))
	for chunk := range slices.Chunk(projectIDs, maxRows) {
		if err := l.readPositions(ctx, chunk, found); err != nil {
			return nil, fmt.Errorf("read the heads of %d projects: %w", len(chunk), err)
		}
	}
	return found, nil
}

func (l *Log) readPositions(ctx context.Context, projectIDs []string, found map[string]position) error {
	places, args := make([]string, len(projectIDs)), make([]any, len(projectIDs))
	for i, id := range projectIDs {
		places[i], args[i] = fmt.Sprintf("$%d", i+1), id
	}
	rows, err := l.db.SQL.QueryContext(ctx,
		"SELECT id, head, horizon FROM streams WHERE head >= 0 AND id IN ("+strings.Join(places, ",")+")", args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var p position
		if err := rows.Scan(&id, &p.head, &p.horizon); err != nil {
			return err
		}
		found[id] = p
	}
	return rows.Err()
}
