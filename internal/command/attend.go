package command

import (
	"context"
	"time"
)

const (
	// hurryEvery is how often a host polls after a call was cut, and hurries how many times.
	hurryEvery = 25 * time.Millisecond
	hurries    = 40
)

// cutShort tells this process's host that a call of an agent was cut: most likely its run
// was cancelled, and its command is to be killed. The run's end isn't recorded yet.
func (s *Service) cutShort() {
	select {
	case s.cuts <- struct{}{}:
	default: // one is told already
	}
}

// attend calls look again and again until ctx ends: every pollEvery, and for a second every
// hurryEvery once something is told on cuts. A run that another process works on is met by
// the slower beat.
func attend(ctx context.Context, cuts <-chan struct{}, look func(context.Context)) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for left := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-cuts:
			left = hurries
			tick.Reset(hurryEvery)
		case <-tick.C:
			if left--; left == 0 {
				tick.Reset(pollEvery)
			}
		}
		look(ctx)
	}
}
