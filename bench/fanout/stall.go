package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/zeblit/zeblit/bench/internal/figure"
	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/bench/internal/watch"
)

// What one watcher who stops reading costs the others (G5). The kernel's buffers are
// made as narrow as a network's, or they would hold all that is sent for minutes.
const (
	stallPace = 100 * time.Millisecond
	stallText = 4 << 10
	stallSend = 32 << 10
	stallRead = 4 << 10
	// stallHeard is how long the others are listened to meanwhile, stallBlocked when the
	// product has given up on the watcher: a second or two to fill the buffers, and 10 s
	// that an event may wait. (From 16 s on the kernel would break off what takes nothing.)
	stallHeard   = 9 * time.Second
	stallBlocked = 13 * time.Second
	tooSlow      = 4508
)

// stalled is what was found.
type stalled struct {
	calm, disturbed lateness
	held            []float64
	closed, whole   int
	stalls          int
}

// lateness is how late the others' events were, in ms: the quantiles of each of some
// short times, of which the median counts, as the machine has other things to do.
type lateness struct{ p50, p99 []float64 }

// slice is such a time.
const slice = 1500 * time.Millisecond

func (l *lateness) listen(c *watch.Crowd, d time.Duration) error {
	for end := time.Now().Add(d); time.Until(end) > slice/2; {
		c.Listen()
		if err := c.Drive(slice, nil); err != nil {
			return err
		}
		late := c.Late()
		l.p50 = append(l.p50, float64(figure.Quantile(late, .5))/1e3)
		l.p99 = append(l.p99, float64(figure.Quantile(late, .99))/1e3)
	}
	return nil
}

func (b *bench) stall() error {
	s, end, err := b.start("zeblit", subject.Options{Projects: 1, SendBuffer: stallSend})
	if err != nil {
		return err
	}
	c, err := watch.New(watch.Options{
		Address: s.Address, Key: s.Key, Query: subject.Query, Opening: 64,
		Again: func() time.Duration { return 100 * time.Millisecond },
	})
	if err != nil {
		return errors.Join(err, end())
	}
	found, err := b.stallOne(s, c)
	c.Close()
	if err = errors.Join(err, end()); err != nil {
		return fmt.Errorf("%w: %w: %s", err, errors.Join(c.Problem()), s.Errors())
	}
	before, after := figure.Median(found.calm.p99), figure.Median(found.disturbed.p99)
	fmt.Fprintf(&b.text, `
### One watcher stops reading

One watcher of %d stops reading, %d times, while there are %d events a second of %d KB each. The server's send buffers are
as narrow as a network's; loopback's would hold all of it for minutes. The quantiles are medians of those of %d and %d
times of %s.

| G5 | found | promised |
|---|---|---|
| the others' p50 without and with it | %.1f ms, %.1f ms | |
| the others' p99 without and with it | %.1f ms, %.1f ms | %s |
| held for it at most, of the server's heap | %.0f KB | ≤ 1024 KB |
| closed with %d | %d of %d | all |
| resumed whole, after its last cursor | %d of %d | all |
`, b.few, found.stalls, time.Second/stallPace, stallText>>10, len(found.calm.p99), len(found.disturbed.p99), slice,
		figure.Median(found.calm.p50), figure.Median(found.disturbed.p50),
		before, after, figure.Target{Most: 1.1}.Judge(after/before),
		figure.Quantile(found.held, 1)/1024, tooSlow, found.closed, found.stalls, found.whole, found.stalls)
	b.hold("zeblit", "stall", c.Problem())
	if found.closed < found.stalls || found.whole < found.stalls || c.Ended != found.stalls {
		b.hold("zeblit", "stall", fmt.Errorf("%d of %d closed with %d, %d resumed whole, %d sockets ended", found.closed, found.stalls, tooSlow, found.whole, c.Ended))
	}
	return nil
}

func (b *bench) stallOne(s *subject.Subject, c *watch.Crowd) (found stalled, err error) {
	found.stalls = 2
	calm := 2 * b.window
	if b.short {
		found.stalls = 1
	}
	c.Join(s.Projects[0], b.few-found.stalls)
	slow := c.Join(s.Projects[0], found.stalls)
	for _, w := range slow {
		w.ReceiveBuffer = stallRead
	}
	if err := c.Open(time.Minute); err != nil {
		return found, err
	}
	before := c.Delivered
	fill, err := s.Publish(1, stallText, 0) // what the server keeps for all is full before
	if err != nil {
		return found, err
	}
	c.Count(1, enough, fill.Credit)
	fill.Credit(b.batches)
	if err := c.Drive(b.warm, nil); err != nil {
		return found, err
	}
	c.CountNothing()
	if _, err := settle(c, fill, before, 1); err != nil {
		return found, err
	}
	before = c.Delivered
	p, err := s.Publish(1, stallText, stallPace)
	if err != nil {
		return found, err
	}
	for _, w := range slow {
		if err := found.one(s, c, w, calm); err != nil {
			return found, err
		}
	}
	if _, err := settle(c, p, before, 1); err != nil {
		return found, err
	}
	for _, w := range slow { // settled: it has all events
		if w.Last == c.Watchers()[0].Last {
			found.whole++
		}
	}
	return found, nil
}

// one has a watcher stall until the server has given it up, and then come back.
func (f *stalled) one(s *subject.Subject, c *watch.Crowd, w *watch.Watcher, calm time.Duration) error {
	if err := f.calm.listen(c, calm); err != nil {
		return err
	}
	before, err := s.Held(true)
	if err != nil {
		return err
	}
	begun := time.Now()
	c.Stall(w)
	if err := f.disturbed.listen(c, stallHeard); err != nil {
		return err
	}
	for time.Since(begun) < stallBlocked {
		during, err := s.Held(true)
		if err != nil {
			return err
		}
		f.held = append(f.held, float64(during.Heap-before.Heap))
		if err := c.Drive(500*time.Millisecond, nil); err != nil {
			return err
		}
	}
	waited := time.Since(begun)
	if err := c.Unstall(w); err != nil {
		return err
	}
	ended := c.Ended
	if err := c.Drive(15*time.Second, func() bool { return c.Ended > ended }); err != nil {
		return fmt.Errorf("the stalled watcher was not closed: %w", err)
	}
	if w.Closed == tooSlow {
		f.closed++
	} else {
		fmt.Fprintf(os.Stderr, "the stalled watcher read again after %v and was closed with %d: %v\n", waited, w.Closed, w.Why)
	}
	return c.Drive(15*time.Second, w.Subscribed)
}
