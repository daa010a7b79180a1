package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Limits say how long a vendor may keep a call waiting. Only waiting for its bytes
// counts, not what the caller does with those that came.
type Limits struct {
	First   time.Duration // from the request to the stream's first byte; 0: 2 minutes
	Between time.Duration // without any byte after that; 0: 5 minutes
	Event   time.Duration // without an event of the answer, whatever keep-alives come; 0: 10 minutes
}

// Or fills in what isn't set.
func (l Limits) Or(defaults Limits) Limits {
	return Limits{
		First:   cmp.Or(l.First, defaults.First),
		Between: cmp.Or(l.Between, defaults.Between),
		Event:   cmp.Or(l.Event, defaults.Event),
	}
}

// The largest prompts, read without a cache, take a model more than a minute.
var defaultLimits = Limits{First: 2 * time.Minute, Between: 5 * time.Minute, Event: 10 * time.Minute}

// closing is how long, at most, a vendor that has said that its answer is over may
// take to close the stream.
const closing = 10 * time.Second

// stall is why a call was ended for the vendor's silence.
type stall struct {
	what  string
	limit time.Duration
}

func (s *stall) Error() string { return fmt.Sprintf("%s for %s", s.what, s.limit) }

// watch is the two clocks of a call. They run only while bytes are waited for: one
// until any come, one until an event of the answer does.
type watch struct {
	silence, idle *time.Timer
	quiet         atomic.Pointer[stall] // what the silence is, when it lasts too long
	between       time.Duration
	event         time.Duration
	left          time.Duration // until idle, when the clocks began to run
	since         time.Time     // when they began
	begun         bool          // bytes have come
}

func newWatch(limits Limits, end func(error)) *watch {
	limits = limits.Or(defaultLimits)
	w := &watch{between: limits.Between, event: limits.Event, left: limits.Event, since: time.Now()}
	w.allow(limits.First)
	w.silence = time.AfterFunc(limits.First, func() { end(w.quiet.Load()) })
	w.idle = time.AfterFunc(limits.Event, func() { end(&stall{"nothing but keep-alives was received", limits.Event}) })
	return w
}

// allow sets how long silence may last from now on.
func (w *watch) allow(d time.Duration) { w.quiet.Store(&stall{"nothing was received", d}) }

// run lets the clocks run. Before the first byte they never rested.
func (w *watch) run() {
	if w.begun {
		w.since = time.Now()
		w.silence.Reset(w.quiet.Load().limit)
		w.idle.Reset(w.left)
	}
}

// rest stops the clocks when bytes have come.
func (w *watch) rest() {
	if !w.begun {
		w.begun = true
		w.allow(w.between)
	}
	w.silence.Stop()
	w.idle.Stop()
	w.left -= time.Since(w.since)
}

func (w *watch) stop() {
	w.silence.Stop()
	w.idle.Stop()
}

// watchedBody is a stream under watch.
type watchedBody struct {
	io.ReadCloser
	watch *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.run()
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.rest()
	}
	return n, err
}

// unmarked skips the byte order mark that a stream may begin with.
type unmarked struct {
	io.ReadCloser
	begun bool
	head  []byte
}

func (u *unmarked) Read(p []byte) (int, error) {
	if !u.begun {
		u.begun = true
		head := make([]byte, 3)
		n, err := io.ReadFull(u.ReadCloser, head)
		u.head = bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf"))
		if n == 0 {
			return 0, err
		}
	}
	if len(u.head) > 0 {
		n := copy(p, u.head)
		u.head = u.head[n:]
		return n, nil
	}
	return u.ReadCloser.Read(p)
}
