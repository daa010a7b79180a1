package sandbox

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// outputGrace is how long Run waits, after a command has ended, for what it left in
	// the pipes. What its daemons print later is nobody's. Where none of its processes is
	// left it waits for the pipes' end, for endGrace: a sandbox may be slow.
	outputGrace = 500 * time.Millisecond
	endGrace    = 5 * time.Second
	// mostLate is more than is on the way when it ends, and longest how long what daemons
	// add to that is read.
	mostLate = 4 << 20
	longest  = time.Minute
)

// Run starts a command, gives its output to write as it comes, waits for its end and
// kills what it left behind. An error of write ends it. When ctx ends, so does the
// command.
func Run(ctx context.Context, box Sandbox, command Command, write func(Chunk) error) (exit Exit, err error) {
	process, err := box.Start(ctx, command)
	if err != nil {
		return Exit{}, err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan error, 1) // the one result of the reader, who never waits to give it
	var late grace
	go func() { read <- drain(reading, process, &late, write) }()
	ended := make(chan struct{}) // closed when the command itself has ended
	go func() {
		defer close(ended)
		if exit, err := process.Wait(reading); err == nil {
			late.begin(exit.Left)
			tick := time.NewTicker(outputGrace / 10)
			defer tick.Stop()
			for reading.Err() == nil && !late.over() {
				select {
				case <-tick.C:
				case <-reading.Done():
				}
			}
		}
		stop()
	}()
	err = <-read
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = nil // the grace is over
	}
	if err != nil {
		stop()
		<-ended
		return Exit{}, err
	}
	exit, err = process.Wait(ctx)
	stop()
	<-ended
	return exit, err
}

func drain(ctx context.Context, process Process, late *grace, write func(Chunk) error) error {
	for {
		late.wait()
		chunk, err := process.Next(ctx)
		late.had(len(chunk.Data))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if write == nil {
			continue
		}
		if err := write(chunk); err != nil {
			return err
		}
	}
}

// grace says when enough was read after a command's end. What the reader needs to keep
// what it has read is no time of it.
type grace struct {
	mu     sync.Mutex
	ended  time.Time // zero: it hasn't
	left   bool      // there are processes of it
	since  time.Time // the reader waits since then; zero: it doesn't
	waited time.Duration
	bytes  int
}

func (g *grace) begin(left int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended, g.left = time.Now(), left > 0
	if !g.since.IsZero() {
		g.since = time.Now()
	}
}

func (g *grace) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.since = time.Now()
}

func (g *grace) had(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended.IsZero() {
		g.waited += time.Since(g.since)
		g.bytes += n
	}
	g.since = time.Time{}
}

func (g *grace) over() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	waited := g.waited
	if !g.since.IsZero() {
		waited += time.Since(g.since)
	}
	if !g.left {
		return waited >= endGrace || g.bytes > mostLate
	}
	return waited >= outputGrace || g.bytes > mostLate || time.Since(g.ended) >= longest
}
