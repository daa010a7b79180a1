package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// source is what a hub reads: the Log.
type source interface {
	Head(ctx context.Context, h access.StreamHandle) (head, horizon int64, err error)
	page(ctx context.Context, h access.StreamHandle, after int64) ([]Event, error)
}

const (
	// pageSize and pageBytes are how many events one read of the log takes, about.
	pageSize  = 128
	pageBytes = 256 << 10
	// readsAtOnce bounds the queries of all rooms together: however many readers come
	// at once, there is a connection to the database for those who write.
	readsAtOnce = 3
	// readTimeout bounds one query. Another one then has another connection.
	readTimeout = 10 * time.Second
	// retryFirst and retryMost are the pauses after queries that failed.
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
	// pageKept is how long a page is kept for the next ones who want it, and keptBytes
	// how much a room keeps of them.
	pageKept  = time.Second
	keptBytes = 1 << 20
	// headKept is how long the end of the log serves those for whom it needn't be the
	// latest.
	headKept = 100 * time.Millisecond
)

// reads is a room's reading of the log, for all its readers: what one of them reads
// is there for all who want the same. Whoever wants it first does the reading, with
// its own context; when it is called away, the next one begins anew.
type reads struct {
	pages   []*page // being read, or read a moment ago; the latest last
	tidier  *time.Timer
	tidying bool // the timer runs

	looks   int   // how many have begun
	looking *look // the one that goes on
	latest  *look // the last that succeeded

	// After a failure nothing is read again for the length of pause.
	pause time.Duration
	until time.Time
}

var errSetBack = errors.New("the database was set back meanwhile")

// page is one read of events.
type page struct {
	after   int64
	epoch   int
	used    time.Time
	reading bool
	// done is closed when it was read. The rest doesn't change from then on.
	done   chan struct{}
	events []Event // those that follow after, without a gap
	bytes  int
	err    error
}

// behind is the part of the page that follows number after.
func (p *page) behind(after int64) []Event {
	if at := after - p.after; at >= 0 && at < int64(len(p.events)) {
		return p.events[at:len(p.events):len(p.events)]
	}
	return nil
}

// page returns events that follow number after, of which the caller knows that the
// log had one in that epoch. None: the log doesn't have the next one any more. It
// repeats what fails until it succeeds; the error is ctx's, or errSetBack.
func (r *room) page(ctx context.Context, after int64, epoch int) ([]Event, error) {
	for {
		p, mine, rest := r.joinPage(after, epoch)
		if rest > 0 {
			if err := sleep(ctx, rest); err != nil {
				return nil, err
			}
			continue
		}
		if p == nil {
			return nil, errSetBack
		}
		if mine {
			r.readPage(ctx, p)
		}
		select {
		case <-p.done:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		events := p.behind(after)
		if p.err == nil && (len(events) > 0 || p.after == after) {
			return events, nil
		}
	}
}

// joinPage finds a page that has what follows after, or may have it once it is read.
// mine: there was none, and the caller reads it. nil: epoch is over, or nothing may be
// read before rest is over.
func (r *room) joinPage(after int64, epoch int) (p *page, mine bool, rest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoch != epoch {
		return nil, false, 0
	}
	for _, p := range r.reads.pages {
		if p.reading && after >= p.after && after < p.after+pageSize || p.behind(after) != nil {
			p.used = time.Now()
			r.hub.counts.pagesShared.Add(1)
			return p, false, 0
		}
	}
	if rest = time.Until(r.reads.until); rest > 0 {
		return nil, false, rest
	}
	p = &page{after: after, epoch: epoch, reading: true, done: make(chan struct{}), used: time.Now()}
	r.reads.pages = append(r.reads.pages, p)
	return p, true, 0
}

// readPage reads what joinPage has promised.
func (r *room) readPage(ctx context.Context, p *page) {
	var events []Event
	err := r.query(ctx, func(ctx context.Context) (err error) {
		r.hub.counts.pagesRead.Add(1)
		events, err = r.hub.source.page(ctx, r.handle, p.after)
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(p.done)
	if p.reading, p.err = false, err; err == nil && p.epoch != r.epoch {
		p.err = errSetBack
	}
	if p.err == nil {
		for i, e := range events {
			if e.Seq != p.after+1+int64(i) {
				events = events[:i] // the log is gap-free: the rest was removed
				break
			}
			p.bytes += eventSize(e)
		}
		p.events = events
	}
	r.tidy()
}

// tidy drops the pages that are of no use any more, and looks again while some are kept.
func (r *room) tidy() {
	var kept []*page
	left, finished := keptBytes, 0
	for _, p := range slices.Backward(r.reads.pages) {
		if !p.reading {
			if left -= p.bytes; len(p.events) == 0 || left < 0 || time.Since(p.used) >= pageKept {
				continue
			}
			finished++
		}
		kept = append(kept, p)
	}
	slices.Reverse(kept)
	r.reads.pages = kept
	switch {
	case finished == 0 || r.reads.tidying:
		return
	case r.reads.tidier == nil:
		r.reads.tidier = time.AfterFunc(pageKept, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.reads.tidying = false
			r.tidy()
		})
	default:
		r.reads.tidier.Reset(pageKept)
	}
	r.reads.tidying = true
}

// forget drops what was read. What is being read is of no use to who begins now.
func (r *room) forget() {
	r.reads.pages, r.reads.looking, r.reads.latest = nil, nil, nil
}

// look is one read of the log's end.
type look struct {
	number int // counts the looks of the room
	began  time.Time
	before int64 // the highest number known when it began
	epoch  int   // when it began, and then the one that it holds for
	// done is closed when it is over. The rest is set by then.
	done chan struct{}
	position
	err  error
	quit bool // who read it was called away, or it shows a database that was set back since
}

// look returns where the log stood at some moment after the call, or, where that is
// enough for the caller, a moment before it.
func (r *room) look(ctx context.Context, enough func(position) bool) (*look, error) {
	r.mu.Lock()
	if l := r.reads.latest; l != nil && time.Since(l.began) < headKept && l.horizon >= r.horizon && enough(l.position) {
		r.mu.Unlock()
		r.hub.counts.headsShared.Add(1)
		return l, nil
	}
	for need := r.reads.looks + 1; ; r.mu.Lock() {
		l, mine, rest := r.joinLook(need)
		r.mu.Unlock()
		if rest > 0 {
			if err := sleep(ctx, rest); err != nil {
				return nil, err
			}
			continue
		}
		if mine {
			r.readHead(ctx, l)
		}
		select {
		case <-l.done:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if l.number >= need && !l.quit {
			return l, l.err
		}
	}
}

// lookUntil is look that repeats what fails until it succeeds, unless ctx ends or the
// project is gone.
func (r *room) lookUntil(ctx context.Context, enough func(position) bool) (*look, error) {
	for {
		l, err := r.look(ctx, enough)
		if err == nil || ctx.Err() != nil || problem.Is(err, problem.NotFound) {
			return l, err
		}
	}
}

// joinLook finds a look to wait for. It may be one that began before look number need,
// of which the caller then waits for the end. mine: the caller reads it. nil: nothing
// may be read before rest is over.
func (r *room) joinLook(need int) (l *look, mine bool, rest time.Duration) {
	switch l := r.reads.latest; {
	case l != nil && l.number >= need:
		r.hub.counts.headsShared.Add(1)
		return l, false, 0
	case r.reads.looking != nil:
		if r.reads.looking.number >= need {
			r.hub.counts.headsShared.Add(1)
		}
		return r.reads.looking, false, 0
	}
	if rest = time.Until(r.reads.until); rest > 0 {
		return nil, false, rest
	}
	r.reads.looks++
	l = &look{number: r.reads.looks, began: time.Now(), before: r.known, epoch: r.epoch, done: make(chan struct{})}
	r.reads.looking = l
	return l, true, 0
}

// readHead reads what joinLook has promised, and lets the room know.
func (r *room) readHead(ctx context.Context, l *look) {
	err := r.query(ctx, func(ctx context.Context) (err error) {
		r.hub.counts.headsRead.Add(1)
		l.head, l.horizon, err = r.hub.source.Head(ctx, r.handle)
		return err
	})
	l.gone = problem.Is(err, problem.NotFound)
	l.setBack = err == nil && l.head < l.before
	r.mu.Lock()
	defer close(l.done) // after the lock is back
	l.err, l.quit = err, err != nil && ctx.Err() != nil || r.epoch != l.epoch
	if r.reads.looking == l {
		r.reads.looking = nil
	}
	changed := false
	if !l.quit && (err == nil || l.gone) {
		if w := r.watched.Load(); w != nil && err == nil {
			w.learn(l.position)
		}
		changed = r.learn(l.position)
		l.epoch = r.epoch
		if err == nil {
			r.reads.latest = l
		}
	}
	r.unlock(changed)
}

// stands says whether one can still go on at the head that a look has seen.
func (r *room) stands(l *look) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.epoch == r.epoch && l.head >= r.horizon
}

// query runs one query, when it is its turn on this node.
func (r *room) query(ctx context.Context, run func(context.Context) error) error {
	select {
	case r.hub.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.hub.slots }()
	within, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err := attempt(within, run)
	switch {
	case err == nil:
		r.mu.Lock()
		r.reads.pause = 0
		r.mu.Unlock()
	case ctx.Err() == nil && !problem.Is(err, problem.NotFound):
		r.mu.Lock()
		r.reads.pause = min(max(2*r.reads.pause, retryFirst), retryMost)
		r.reads.until = time.Now().Add(r.reads.pause)
		r.mu.Unlock()
		r.hub.counts.readsFailed.Add(1)
		r.hub.logger.Warn("a project's log can't be read; it is tried again for those who wait",
			"project", r.handle.Project(), "error", err)
	}
	return err
}

// attempt makes a panic an error: those who wait for the same read would wait for ever.
func attempt(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("panic: %v\n%s", recovered, debug.Stack())
		}
	}()
	return run(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
