// Package collector sets how far the garbage collector lets the heap grow: by little
// while not much goes on, so that a server at rest is small, and by more while it would
// otherwise run all the time, so that the processor is there for the work.
package collector

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// small makes the collector run when the heap has grown by half, not doubled.
	small = 50
	// large is for a heap of a few MB that is collected many times a second.
	large = 400
	// largest is the live heap above which growing by so much is too dear.
	largest = 128 << 20

	every = time.Second
	// often is the collections between two looks that make it large.
	often = 3
	// calm is the looks in a row without any that make it small again.
	calm = 10
)

// Run works until ctx ends, or not at all where the environment has GOGC or GOMEMLIMIT:
// then whoever runs the program has decided.
func Run(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(small)
	tick := time.NewTicker(every)
	defer tick.Stop()
	p := pace{percent: small, seen: read().cycles}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		was := p.percent
		if p.look(read()); p.percent == was {
			continue
		}
		debug.SetGCPercent(p.percent)
		if p.percent == small {
			debug.FreeOSMemory()
			p.seen = read().cycles
		}
	}
}

// state is what the runtime says of the collector.
type state struct {
	cycles uint64 // so far
	live   uint64 // bytes after the last one
}

func read() state {
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return state{cycles: samples[0].Value.Uint64(), live: samples[1].Value.Uint64()}
}

// pace decides, look by look.
type pace struct {
	percent int
	seen    uint64
	quiet   int
}

func (p *pace) look(s state) {
	cycles := s.cycles - p.seen
	p.seen = s.cycles
	switch {
	case cycles > 0:
		p.quiet = 0
	default:
		p.quiet++
	}
	switch {
	case s.live > largest, p.quiet >= calm:
		p.percent = small
	case cycles >= often:
		p.percent = large
	}
}
