package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/bench/internal/watch"
)

// The ways in which a socket is left, of each twenty.
const (
	completed = iota // complete, then a close frame
	closed           // a close frame alone
	broken           // a TCP reset
	unplugged        // nothing arrives any more, and nothing says so
	stalled          // connected, and never read again
	ways
)

var wayNames = [ways]string{"completed and closed", "closed without complete", "connection reset", "cable pulled", "never read again"}

// mixed is how the i-th socket of a batch is left: one in twenty is unplugged, and one
// stalled.
func mixed(i int) int {
	switch n := i % 20; {
	case n < 8:
		return completed
	case n < 14:
		return closed
	case n < 18:
		return broken
	case n < 19:
		return unplugged
	}
	return stalled
}

// brief is mixed without those that a server takes half a minute to notice.
func brief(i int) int { return min(mixed(i), broken) }

const (
	cycleProjects = 10
	cyclePace     = 50 * time.Millisecond
	cycleText     = 256
	cycleSend     = 16 << 10 // the server's send buffers, and
	cycleRead     = 4 << 10  // those that are not read: both as narrow as a network's
	// noticed is when a server has found out at the latest that nobody is there.
	noticed = 40 * time.Second
)

// cycler lets sockets come and go at one server.
type cycler struct {
	settings
	server *subject.Subject
	crowd  *watch.Crowd
	done   [ways]int
	silent []*watch.Watcher // unplugged or stalled
}

// held is what the server holds when nobody is there.
type held struct {
	subject.Held
	resident int64
}

func cycles(s settings, dir string) (text string, bad, err error) {
	program := filepath.Join(dir, "server")
	if err := process.Build(program, "./bench/server"); err != nil {
		return "", nil, err
	}
	server, err := subject.Start(subject.Options{Program: program, Kind: "zeblit", Data: filepath.Join(dir, "data"), Projects: cycleProjects, SendBuffer: cycleSend})
	if err != nil {
		return "", nil, err
	}
	defer server.Stop()
	crowd, err := watch.New(watch.Options{Address: server.Address, Key: server.Key, Query: subject.Query, Opening: 64})
	if err != nil {
		return "", nil, err
	}
	defer crowd.Close()
	c := &cycler{settings: s, server: server, crowd: crowd}
	way := mixed
	if s.short {
		way = brief
	}
	// The base is what a first lap as long as the one that is measured has left: pages
	// of the program and of the database stay once they were needed.
	if err = c.publishing(s.cycles, way); err != nil {
		return "", nil, err
	}
	before, err := c.alone(nil)
	if err != nil {
		return "", nil, err
	}
	c.done = [ways]int{}
	begun := time.Now()
	if err := c.publishing(s.cycles, way); err != nil {
		return "", nil, err
	}
	took := time.Since(begun)
	after, err := c.alone(&before)
	if err != nil {
		return "", nil, err
	}
	return c.tell(before, after, took)
}

// publishing lets n sockets come and go while events are made.
func (c *cycler) publishing(n int, way func(int) int) error {
	p, err := c.server.Publish(1, cycleText, cyclePace)
	if err != nil {
		return err
	}
	for from := 0; from < n && err == nil; from += c.batch {
		err = c.come(min(c.batch, n-from), way)
	}
	if err == nil && len(c.silent) > 0 {
		err = c.crowd.Drive(noticed, nil)
	}
	for _, w := range c.silent {
		c.crowd.Reset(w)
	}
	c.silent = nil
	_, _, failed := p.End()
	return errors.Join(err, failed, c.crowd.Problem())
}

// come has a batch subscribe, hear something, and go.
func (c *cycler) come(n int, way func(int) int) error {
	first := len(c.crowd.Watchers())
	for i := range n {
		p := c.server.Projects[i%len(c.server.Projects)]
		w := c.crowd.Join(watch.Project{ID: p.ID, Head: watch.FromNow}, 1)[0]
		if way(i) == stalled {
			w.ReceiveBuffer = cycleRead
		}
	}
	batch := c.crowd.Watchers()[first:]
	if err := c.crowd.Open(time.Minute); err != nil {
		return err
	}
	heard := func() bool {
		for _, w := range batch {
			if w.Received == 0 {
				return false
			}
		}
		return true
	}
	if err := c.crowd.Drive(20*time.Second, heard); err != nil {
		return fmt.Errorf("not all have heard something: %w", err)
	}
	for i, w := range batch {
		c.done[way(i)]++
		switch way(i) {
		case completed:
			c.crowd.Complete(w)
		case closed:
			c.crowd.Leave(w)
		case broken:
			c.crowd.Reset(w)
		case unplugged:
			if err := c.crowd.Unplug(w); err != nil {
				return fmt.Errorf("pull the cable: %w", err)
			}
			c.silent = append(c.silent, w)
		case stalled:
			c.crowd.Stall(w)
			c.silent = append(c.silent, w)
		}
	}
	return nil
}

// alone is what the server holds once nothing changes any more, or it is back at base.
func (c *cycler) alone(base *held) (h held, err error) {
	least := math.MaxInt
	for range 30 {
		if err := c.crowd.Drive(time.Second, nil); err != nil {
			return h, err
		}
		if h.Held, err = c.server.Held(true); err != nil {
			return h, err
		}
		if h.resident, err = c.server.Memory(); err != nil {
			return h, err
		}
		if base != nil && within(h.Goroutines, base.Goroutines) && within(h.Heap, base.Heap) && within(h.resident, base.resident) {
			return h, nil
		}
		if base == nil && int(h.Goroutines) == least {
			return h, nil
		}
		least = min(least, int(h.Goroutines))
	}
	return h, nil
}

// slack is how far from the base is still back.
const slack = .02

func within(n, base int64) bool { return float64(n) <= float64(base)*(1+slack) }

func (c *cycler) tell(before, after held, took time.Duration) (text string, bad, err error) {
	var b strings.Builder
	var how []string
	for way, n := range c.done {
		if n > 0 {
			how = append(how, fmt.Sprintf("%s %d", wayNames[way], n))
		}
	}
	fmt.Fprintf(&b, `%s, %s.
%d sockets subscribe, %d at a time, to %d projects in which something happens all the time, hear something, and go:
%s. In %.0f s, of which up to %.0f s are waiting
until the server has noticed the silent ones. The base is what as many sockets before them have left. After a
collection, with nobody connected:

| G10 | before | after | promised: ± %.0f %% |
|---|---|---|---|
`, command(), document.Machine(), c.cycles, c.batch, cycleProjects, strings.Join(how, ", "), took.Seconds(), noticed.Seconds(), 100*slack)
	for _, row := range []struct {
		name          string
		before, after int64
		unit          float64
		form          string
	}{
		{"goroutines", before.Goroutines, after.Goroutines, 1, "%.0f"},
		{"heap", before.Heap, after.Heap, 1e6, "%.2f MB"},
		{"resident", before.resident, after.resident, 1e6, "%.1f MB"},
	} {
		verdict := "pass"
		if !within(row.after, row.before) {
			verdict = "**miss**"
			bad = errors.Join(bad, fmt.Errorf("%s: %d before, %d after", row.name, row.before, row.after))
		}
		fmt.Fprintf(&b, "| %s | "+row.form+" | "+row.form+" | %+.1f %%: %s |\n", row.name,
			float64(row.before)/row.unit, float64(row.after)/row.unit, 100*(float64(row.after)/float64(row.before)-1), verdict)
	}
	return b.String(), bad, nil
}
