package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/zeblit/zeblit/bench/internal/figure"
	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/bench/internal/watch"
)

// sample is what one server did in one window, or how much it held.
type sample struct {
	rate      float64 // messages delivered in a second
	cpu, load float64 // µs of the server's and of the client's CPU for each
	p50, p99  float64 // ms
	publish   float64 // ms that the server takes to publish a batch
	bytes     float64 // held for each subscribed socket, as it stands
	collected float64 // the same after a collection
}

// results are by scenario and kind, in the order of the rounds.
type results map[string]map[string][]sample

func (r results) add(scenario, kind string, s sample) {
	if r[scenario] == nil {
		r[scenario] = map[string][]sample{}
	}
	r[scenario][kind] = append(r[scenario][kind], s)
	fmt.Fprintf(os.Stderr, "%-8s %-7s %8.0f/s  cpu %6.1f µs  load %5.1f µs  p50 %6.1f ms  p99 %6.1f ms  publish %5.1f ms  %6.1f KB (%.1f)\n",
		scenario, kind, s.rate, s.cpu, s.load, s.p50, s.p99, s.publish, s.bytes/1e3, s.collected/1e3)
}

// The scenarios, by what stands in the results.
const (
	fewOfOne  = "few"   // 1,000 watchers of one run, saturated
	manyOfOne = "many"  // 5,000
	fewOfMany = "runs"  // 100 runs, 10 watchers each
	bursts    = "burst" // the same, with some events of each run in a batch
	openLoop  = "open"  // 1,000 watchers, 10 events a second
	atRest    = "rest"  // 5,000 subscribed, nothing to tell
)

// crowds measures P1 to P5.
func (b *bench) crowds() error {
	found := results{}
	for round, begun := 0, time.Now(); round < b.rounds; round++ {
		if round > 0 && time.Since(begun)/time.Duration(round)*time.Duration(round+1) > b.most {
			b.rounds = round // a slow machine: fewer, but whole ones
			break
		}
		for _, population := range []func(string, results) error{b.one, b.runs, b.crowd} {
			for i := range kinds {
				if err := population(kinds[(round+i)%len(kinds)], found); err != nil {
					return err
				}
			}
		}
	}
	b.tell(found)
	return nil
}

func (b *bench) one(kind string, found results) error {
	return b.with(kind, subject.Options{Projects: 1}, func(s *subject.Subject, c *watch.Crowd) error {
		c.Join(s.Projects[0], b.few)
		if err := c.Open(time.Minute); err != nil {
			return err
		}
		saturated, err := b.saturate(kind, s, c, 1)
		if err != nil {
			return err
		}
		found.add(fewOfOne, kind, saturated)
		open, err := b.pace(kind, s, c, 100*time.Millisecond)
		if err != nil {
			return err
		}
		found.add(openLoop, kind, open)
		return nil
	})
}

func (b *bench) runs(kind string, found results) error {
	return b.with(kind, subject.Options{Projects: b.few / 10}, func(s *subject.Subject, c *watch.Crowd) error {
		for _, p := range s.Projects {
			c.Join(p, 10)
		}
		if err := c.Open(time.Minute); err != nil {
			return err
		}
		saturated, err := b.saturate(kind, s, c, 1)
		if err != nil {
			return err
		}
		found.add(fewOfMany, kind, saturated)
		if saturated, err = b.saturate(kind, s, c, burst); err != nil {
			return err
		}
		found.add(bursts, kind, saturated)
		return nil
	})
}

func (b *bench) crowd(kind string, found results) error {
	return b.with(kind, subject.Options{Projects: 1}, func(s *subject.Subject, c *watch.Crowd) error {
		held, err := b.rest(s, c)
		if err != nil {
			return err
		}
		found.add(atRest, kind, held)
		saturated, err := b.saturate(kind, s, c, 1)
		if err != nil {
			return err
		}
		found.add(manyOfOne, kind, saturated)
		return nil
	})
}

// with runs a server and a crowd for it, and holds the crowd's numbers to what they
// must be.
func (b *bench) with(kind string, o subject.Options, do func(*subject.Subject, *watch.Crowd) error) error {
	s, end, err := b.start(kind, o)
	if err != nil {
		return err
	}
	c, err := watch.New(watch.Options{Address: s.Address, Key: s.Key, Query: subject.Query, Opening: 64})
	if err != nil {
		return errors.Join(err, end())
	}
	if err = do(s, c); err != nil {
		err = fmt.Errorf("%s: %w: %s", kind, errors.Join(err, c.Problem()), s.Errors())
	} else {
		b.hold(kind, "all in all", c.Problem())
	}
	c.Close()
	return errors.Join(err, end())
}

// rest measures what a server holds for each of many sockets that are subscribed.
func (b *bench) rest(s *subject.Subject, c *watch.Crowd) (sample, error) {
	first := c.Join(s.Projects[0], 50)
	if err := c.Open(time.Minute); err != nil {
		return sample{}, err
	}
	for _, w := range first { // what the first few need is not theirs
		c.Complete(w)
	}
	if err := c.Drive(b.warm, nil); err != nil {
		return sample{}, err
	}
	if _, err := s.Held(true); err != nil {
		return sample{}, err
	}
	before, err := s.Memory()
	if err != nil {
		return sample{}, err
	}
	c.Join(s.Projects[0], b.many)
	if err := errors.Join(c.Open(time.Minute), c.Drive(2*b.warm, nil)); err != nil {
		return sample{}, err
	}
	after, err := s.Memory()
	if err != nil {
		return sample{}, err
	}
	if _, err := s.Held(true); err != nil {
		return sample{}, err
	}
	collected, err := s.Memory()
	n := float64(b.many)
	return sample{bytes: float64(after-before) / n, collected: float64(collected-before) / n}, err
}

// burst is how many events of a project come in one transaction where several of its
// agents speak at a time.
const burst = 4

// enough is the share of the watchers that must have a batch for the next one to come:
// a few who are slow at the moment hold up nobody.
const enough = 0.95

// saturate keeps the publisher a few batches of events ahead of its watchers.
func (b *bench) saturate(kind string, s *subject.Subject, c *watch.Crowd, events int) (sample, error) {
	before := c.Delivered
	p, err := s.Publish(events, usualText, 0)
	if err != nil {
		return sample{}, err
	}
	c.Count(events, enough, p.Credit)
	p.Credit(max(b.batches/events, 1))
	if err := c.Drive(b.warm, nil); err != nil {
		return sample{}, err
	}
	found, err := b.measure(s, c)
	if err != nil {
		return sample{}, err
	}
	c.CountNothing()
	found.publish, err = settle(c, p, before, events)
	b.hold(kind, fmt.Sprintf("%d watchers saturated", c.Subscribed), err)
	return found, nil
}

// pace has events come by the clock.
func (b *bench) pace(kind string, s *subject.Subject, c *watch.Crowd, pace time.Duration) (sample, error) {
	before := c.Delivered
	p, err := s.Publish(1, usualText, pace)
	if err != nil {
		return sample{}, err
	}
	if err := c.Drive(b.warm, nil); err != nil {
		return sample{}, err
	}
	c.Listen()
	found, err := b.measure(s, c)
	if err != nil {
		return sample{}, err
	}
	late := c.Late()
	found.p50, found.p99 = float64(figure.Quantile(late, .5))/1e3, float64(figure.Quantile(late, .99))/1e3
	found.publish, err = settle(c, p, before, 1)
	b.hold(kind, fmt.Sprintf("%d watchers by the clock", c.Subscribed), err)
	return found, nil
}

// usualText is the size of a text: what a model says between two commits.
const usualText = 40

// measure drives the crowd for a window.
func (b *bench) measure(s *subject.Subject, c *watch.Crowd) (sample, error) {
	server, err := s.CPU()
	if err != nil {
		return sample{}, err
	}
	own, begun, delivered := ownCPU(), time.Now(), c.Delivered
	if err := c.Drive(b.window, nil); err != nil {
		return sample{}, err
	}
	n, took := float64(c.Delivered-delivered), time.Since(begun)
	after, err := s.CPU()
	return sample{
		rate: n / took.Seconds(),
		cpu:  float64((after - server).Microseconds()) / n, load: float64((ownCPU() - own).Microseconds()) / n,
	}, err
}

// settle ends a publication, waits until all of it has come to everybody, and returns
// how many ms a batch took to be published.
func settle(c *watch.Crowd, p *subject.Publication, before int64, events int) (publish float64, err error) {
	batches, each, err := p.End()
	if err != nil {
		return 0, err
	}
	want := before + batches*int64(events*c.Subscribed)
	err = c.Drive(20*time.Second, func() bool { return c.Delivered >= want })
	if err != nil || c.Delivered != want {
		err = errors.Join(fmt.Errorf("%d events of %d came", c.Delivered-before, want-before), err)
	}
	return float64(each.Microseconds()) / 1e3, err
}

func ownCPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// profiled writes the tops of zeblit's CPU profiles while watchers are saturated.
func (b *bench) profiled() error {
	if b.profile == "" {
		return nil
	}
	var tops strings.Builder
	for _, projects := range []int{1, b.few / 10} {
		err := b.with("zeblit", subject.Options{Projects: projects}, func(s *subject.Subject, c *watch.Crowd) error {
			for _, p := range s.Projects {
				c.Join(p, b.few/projects)
			}
			if err := c.Open(time.Minute); err != nil {
				return err
			}
			done := make(chan error, 1)
			var top string
			go func() {
				var err error
				top, err = s.Profile(fmt.Sprintf("%s.%d.pprof", b.profile, projects), b.warm+b.window)
				done <- err
			}()
			found, err := b.saturate("zeblit", s, c, 1)
			if err = errors.Join(err, <-done); err != nil {
				return err
			}
			fmt.Fprintf(&tops, "zeblit, %d runs with %d watchers each, saturated: %.0f messages/s, %.1f µs of the server's CPU for each\n\n%s",
				projects, b.few/projects, found.rate, found.cpu, top)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return os.WriteFile(b.profile, []byte(tops.String()), 0o644)
}
