package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// feed keeps what happens in a project, each event with the time at which it came.
type feed struct {
	mu      sync.Mutex
	all     []arrived
	changed chan struct{} // closed at the next event, or the end
	err     error         // why it has ended
	ended   bool
	cancel  context.CancelFunc
	over    sync.WaitGroup
}

type arrived struct {
	client.Event
	at time.Time
}

// watch begins a feed. Close it.
func (p *product) watch(ctx context.Context, project string) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{changed: make(chan struct{}), cancel: cancel}
	f.over.Go(func() {
		err := p.ProjectEvents(ctx, project, client.Start, func(e client.Event) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.all = append(f.all, arrived{e, time.Now()})
			close(f.changed)
			f.changed = make(chan struct{})
			return nil
		})
		f.mu.Lock()
		defer f.mu.Unlock()
		f.err, f.ended = err, true
		close(f.changed)
	})
	return f
}

func (f *feed) Close() {
	f.cancel()
	f.over.Wait()
}

// await waits for the first event that fits, of those before and those to come.
func (f *feed) await(ctx context.Context, what string, fits func(client.Event) bool) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for looked := 0; ; {
		f.mu.Lock()
		fresh, changed, ended, err := f.all[looked:], f.changed, f.ended, f.err
		f.mu.Unlock()
		for _, e := range fresh {
			if fits(e.Event) {
				return e.at, nil
			}
		}
		looked += len(fresh)
		if ended {
			return time.Time{}, fmt.Errorf("wait until %s: %w", what, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait until %s: %w", what, ctx.Err())
		}
	}
}

// state waits until a run is in a state.
func (f *feed) state(ctx context.Context, run, state string) (time.Time, error) {
	other := ""
	at, err := f.await(ctx, fmt.Sprintf("run %s is %s", run, state), func(e client.Event) bool {
		if e.Type != "RunStateChanged" || e.Run.ID != run {
			return false
		}
		if (client.Run{State: e.State}).Ended() && e.State != state {
			other = e.State + " " + e.Run.Error
		}
		return e.State == state || other != ""
	})
	if err == nil && other != "" {
		err = fmt.Errorf("run %s is %s, not %s", run, other, state)
	}
	return at, err
}

// token waits for the first words of a run.
func (f *feed) token(ctx context.Context, run string) (time.Time, error) {
	return f.await(ctx, fmt.Sprintf("run %s says something", run), func(e client.Event) bool {
		return e.Type == "MessageDelta" && e.RunID == run
	})
}
