package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

var (
	// ErrStale says that another worker has taken over the run: whoever gets it
	// stops working on the run.
	ErrStale = errors.New("another worker has taken over the run")
	// ErrStopped says that this process is going away and writes no more deltas.
	ErrStopped = errors.New("deltas are no longer written: the process stops")
)

const (
	// coalesce is the longest that a delta waits for others to share its transaction.
	// The first after a pause doesn't wait.
	coalesce = 25 * time.Millisecond
	// maxWaiting is the bytes that may wait for their commit; more makes Append wait.
	maxWaiting = 4 << 20
	// deltaOverhead is what a waiting delta counts besides its text.
	deltaOverhead = 128
	// giveUp is how long a failing commit is repeated before Flush reports it.
	giveUp = 10 * time.Second
	// lastWords bounds the commit of what waits when the process stops.
	lastWords = 3 * time.Second
	// forget is how long a stale or failed run is remembered unless Flush asks.
	forget = 10 * time.Minute
)

// Delta is a piece of a message's text while the model writes it.
type Delta struct {
	Handle access.StreamHandle
	RunID  string
	// Epoch is the one of the writer's lease on the run.
	Epoch     int64
	MessageID string
	// Offset is where Text begins in the message, in UTF-16 units.
	Offset int
	// Text is valid UTF-8.
	Text string
}

// Deltas writes the text of messages that are being written. It puts what comes
// within 25 ms into one transaction, whatever the run, joining pieces that follow
// each other in a message. A run whose epoch has moved on loses its own deltas and
// disturbs no other.
type Deltas struct {
	log               *Log
	inTx              func(ctx context.Context, fn func(context.Context, *store.Tx) error) error
	giveUp, lastWords time.Duration
	// wake holds a token while there is something to commit.
	wake chan struct{}
	// hurry holds a token while a Flush waits.
	hurry chan struct{}

	mu      sync.Mutex
	queue   []Delta
	waiting int // bytes, those being committed included
	stopped bool
	changed chan struct{} // closed and replaced after each commit
	runs    map[string]*deltaRun
}

// deltaRun is known while the run has deltas waiting, or is stale or failed.
type deltaRun struct {
	epoch     int64
	appended  int
	committed int   // or dropped
	err       error // ErrStale, or why deltas were lost
	since     time.Time
}

// NewDeltas makes a group committer on log. Nothing is committed before Run.
func NewDeltas(log *Log) *Deltas {
	return &Deltas{
		log: log, inTx: log.db.InTx, giveUp: giveUp, lastWords: lastWords,
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		changed: make(chan struct{}), runs: map[string]*deltaRun{},
	}
}

// Append hands over a delta and doesn't wait for its commit; it waits while more
// than 4 MiB are to be committed. It returns ErrStale once a commit has shown that
// the run's epoch has moved on, and the cause when deltas of the run were lost.
func (d *Deltas) Append(ctx context.Context, delta Delta) error {
	if delta.Text == "" {
		return nil
	}
	for {
		wait, err := d.offer(delta)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// offer queues the delta, or returns what to wait for before the next attempt.
func (d *Deltas) offer(delta Delta) (wait <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil, ErrStopped
	}
	run := d.runs[delta.RunID]
	switch {
	case run == nil:
	case delta.Epoch < run.epoch:
		return nil, ErrStale
	case delta.Epoch == run.epoch && run.err != nil:
		return nil, run.err
	}
	if d.waiting > maxWaiting {
		return d.changed, nil
	}
	if run == nil || delta.Epoch > run.epoch {
		run = &deltaRun{epoch: delta.Epoch}
		d.runs[delta.RunID] = run
	}
	run.appended++
	d.queue = append(d.queue, delta)
	d.waiting += len(delta.Text) + deltaOverhead
	signal(d.wake)
	return nil, nil
}

// Flush waits until the run's deltas so far are committed. It returns ErrStale when
// they were dropped because the epoch has moved on. Another error says that some
// were lost; it is reported once, and the run may go on with a new message.
func (d *Deltas) Flush(ctx context.Context, runID string) error {
	d.mu.Lock()
	run := d.runs[runID]
	if run == nil {
		d.mu.Unlock()
		return nil
	}
	upTo := run.appended
	for run.committed < upTo {
		current := d.runs[runID] == run // else this process has claimed the run anew
		if d.stopped || !current {
			d.mu.Unlock()
			if !current {
				return ErrStale
			}
			return ErrStopped
		}
		changed := d.changed
		d.mu.Unlock()
		signal(d.hurry)
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		d.mu.Lock()
	}
	defer d.mu.Unlock()
	err := run.err
	if err != nil && !errors.Is(err, ErrStale) {
		run.err = nil
		d.forgetDone()
	}
	return err
}

// Run commits until ctx ends, and then what still waits. It runs once.
func (d *Deltas) Run(ctx context.Context) error {
	var last time.Time
	for d.next(ctx, last) {
		last = time.Now()
		d.commit(ctx)
	}
	// One last time, for what was accepted before the end.
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.commit(ctx)
	return nil
}

// next waits for the time of the next commit. false: ctx has ended.
func (d *Deltas) next(ctx context.Context, last time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-d.wake:
	}
	pause := time.NewTimer(time.Until(last.Add(coalesce)))
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-pause.C:
	case <-d.hurry:
	}
	return true
}

// commit writes what waits. It repeats what fails for a bounded while, unless that
// is hopeless; from the second attempt on each run has a transaction of its own, so
// that one that can't be written takes no other with it. A commit that failed may have
// gone through all the same, so an attempt looks first whether an earlier one did.
func (d *Deltas) commit(ctx context.Context) {
	d.mu.Lock()
	queue, within := d.queue, d.giveUp
	d.queue = nil
	if d.stopped {
		within = min(within, d.lastWords)
	}
	d.mu.Unlock()
	if len(queue) == 0 {
		d.settle(nil, nil)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	left := d.dropBroken(group(queue))
	if len(left) == 0 {
		return
	}
	if err := d.write(ctx, left); err == nil {
		d.settle(left, nil)
		return
	}
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		var failed []*batch
		for _, b := range left {
			b.again = true
			switch b.err = d.write(ctx, []*batch{b}); {
			case b.err == nil:
				d.settle([]*batch{b}, nil)
			case hopeless(b.err):
				d.settle([]*batch{b}, fmt.Errorf("write deltas: %w", b.err))
			default:
				failed = append(failed, b)
			}
		}
		if left = failed; len(left) == 0 {
			return
		}
		d.log.logger.Warn("deltas can't be written and are tried again", "runs", len(left), "error", left[0].err)
		select {
		case <-ctx.Done():
			for _, b := range left {
				d.settle([]*batch{b}, fmt.Errorf("write deltas: %w", b.err))
			}
			return
		case <-time.After(pause):
		}
	}
}

// hopeless is what another attempt can't mend; the other runs needn't wait for it.
func hopeless(err error) bool {
	return errors.Is(err, ErrRefused) || problem.Is(err, problem.NotFound)
}

// dropBroken takes out the batches of runs that have lost deltas already: a
// message's text has no holes, it ends.
func (d *Deltas) dropBroken(batches []*batch) (whole []*batch) {
	for _, b := range batches {
		d.mu.Lock()
		run := d.runs[b.runID]
		var lost error
		if run != nil && run.epoch == b.epoch {
			lost = run.err
		}
		d.mu.Unlock()
		if lost != nil {
			d.settle([]*batch{b}, lost)
			continue
		}
		whole = append(whole, b)
	}
	return whole
}

// settle notes the outcome of batches and wakes who waits for it.
func (d *Deltas) settle(done []*batch, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range done {
		d.waiting -= b.bytes
		run := d.runs[b.runID]
		if run == nil || run.epoch != b.epoch {
			continue // a newer claim in this process has taken its place
		}
		run.committed += b.deltas
		switch {
		case b.stale:
			run.err, run.since = ErrStale, time.Now()
		case err != nil:
			run.err, run.since = err, time.Now()
		}
	}
	d.forgetDone()
	close(d.changed)
	d.changed = make(chan struct{})
}

// forgetDone drops the runs of which nothing waits and nothing is to be told.
func (d *Deltas) forgetDone() {
	for id, run := range d.runs {
		if run.committed == run.appended && (run.err == nil || time.Since(run.since) > forget) {
			delete(d.runs, id)
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
