// Package watch is a client for load: thousands of graphql-transport-ws sockets, each
// with one subscription to a project's events, in one thread. It reads frames by hand
// and looks for nothing in them but the subscription's id, the event's cursor and
// number, and the time that its text begins with, so that it costs little beside the
// server that it measures. Every event of every socket is checked all the same: a
// number that is missing, comes twice or goes back is a problem.
//
// A Crowd belongs to the goroutine that drives it. Linux only.
package watch

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// Options of a Crowd.
type Options struct {
	Address string // of the server, as host:port
	Key     string // shown in connection_init; empty: nothing is shown
	Query   string // of the subscription, with the variables id and after
	// Opening is how many sockets may be on their way to their subscription at once; 0
	// is any number.
	Opening int
	// Again is the pause before a socket that was ended comes back; nil: it doesn't.
	Again func() time.Duration
	// Hear is given every event, as it came in its frame; nil: nobody listens.
	Hear func(w *Watcher, message []byte)
}

// Project is what is watched.
type Project struct {
	ID   string
	Head int64  // the number of the latest event that watchers know, or FromNow
	From string // its cursor
}

// FromNow lets a watcher begin with whatever comes first.
const FromNow = -1

// Crowd is many watchers.
type Crowd struct {
	// Delivered counts events, of all watchers.
	Delivered int64
	// Subscribed is how many watchers have their subscription now.
	Subscribed int
	// Gaps, Doubles and Resets count what is wrong with the numbers of events, or what
	// the server had to give up.
	Gaps, Doubles, Resets int
	// Refused counts attempts to connect that found no server; Failed those that did.
	Refused, Failed int
	// Ended counts sockets that were ended by the server, or by a broken connection.
	Ended int

	o        Options
	epoll    int
	watchers []*Watcher
	buffer   []byte
	queue    []*Watcher // to be opened
	later    later
	opening  int
	left     int // of watchers who left by themselves
	problems []string
	count    batches
	late     lateness
}

// New makes a Crowd of nobody.
func New(o Options) (*Crowd, error) {
	runtime.LockOSThread() // the caller's goroutine is the loop
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &Crowd{o: o, epoll: epoll, buffer: make([]byte, 1<<20)}, nil
}

// Join adds n watchers of a project. They are opened as the crowd is driven.
func (c *Crowd) Join(p Project, n int) []*Watcher {
	from := len(c.watchers)
	for range n {
		w := &Watcher{Project: p.ID, Last: p.Head, index: len(c.watchers), fd: -1, id: newID(), cursor: []byte(p.From)}
		c.watchers = append(c.watchers, w)
		c.queue = append(c.queue, w)
	}
	return c.watchers[from:]
}

// Watchers are all, in the order in which they joined.
func (c *Crowd) Watchers() []*Watcher { return c.watchers }

// ErrLate says that what was waited for did not happen in time.
var ErrLate = errors.New("it took too long")

// tick is how long the loop sleeps at most.
const tick = 10 * time.Millisecond

// Drive works for that long, or until something is so (nil: never); when that takes
// longer it is ErrLate.
func (c *Crowd) Drive(limit time.Duration, until func() bool) error {
	events := make([]syscall.EpollEvent, 512)
	for deadline := time.Now().Add(limit); ; {
		if until != nil && until() {
			return nil
		}
		now := time.Now()
		left := deadline.Sub(now)
		if left <= 0 && until == nil {
			return nil
		}
		if left <= 0 {
			return ErrLate
		}
		c.open(now)
		n, err := syscall.EpollWait(c.epoll, events, int(min(left, tick)/time.Millisecond))
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for i := range max(n, 0) {
			c.ready(c.watchers[events[i].Fd], events[i].Events)
		}
		c.count.pay()
	}
}

// Open drives the crowd until everybody who joined and did not leave is subscribed.
func (c *Crowd) Open(limit time.Duration) error {
	wanted := len(c.watchers) - c.left
	err := c.Drive(limit, func() bool { return c.Subscribed == wanted || c.Failed > 0 })
	if err != nil || c.Failed > 0 {
		return fmt.Errorf("%d of %d subscribed, %d failed: %w", c.Subscribed, wanted, c.Failed, errors.Join(err, c.Problem()))
	}
	return nil
}

// Problem is what went wrong so far: the first few of it.
func (c *Crowd) Problem() error {
	if len(c.problems) == 0 && c.Gaps+c.Doubles+c.Resets == 0 {
		return nil
	}
	return fmt.Errorf("%d gaps, %d doubles, %d resets, %d ended, %d failed: %q", c.Gaps, c.Doubles, c.Resets, c.Ended, c.Failed, c.problems)
}

func (c *Crowd) problem(format string, args ...any) {
	if len(c.problems) < 5 {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

// Close breaks all sockets off.
func (c *Crowd) Close() {
	for _, w := range c.watchers {
		c.Reset(w)
	}
	_ = syscall.Close(c.epoll)
}

// Unlimited lets any number of sockets be on their way at once from now on.
func (c *Crowd) Unlimited() { c.o.Opening = 0 }
