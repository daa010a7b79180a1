package faulttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// Reactions are how long after the answer to a request it was obeyed, one entry for
// each sample; 0 where that was before the answer.
type Reactions struct {
	// PauseClosed and CancelClosed are until the model's connection was closed.
	PauseClosed, CancelClosed []time.Duration
	// PauseSeen and CancelSeen are until a subscriber on the other server saw the state.
	PauseSeen, CancelSeen []time.Duration
	// Steered is until the model was asked with the message; its answer under way is let
	// end when the message is stored.
	Steered []time.Duration
}

// Flags measures n times each how soon a run that a worker holds is paused, cancelled
// and steered. The requests go to the first server, which doesn't work; the model stands
// still meanwhile.
func (s *Suite) Flags(ctx context.Context, n int) (r Reactions, err error) {
	seen, leave := s.follow(ctx, s.Load.Projects[0].ID)
	defer leave()
	for range n {
		for _, sample := range []func(context.Context, *states, *Reactions) error{s.pauseOne, s.cancelOne, s.steerOne} {
			if err := sample(ctx, seen, &r); err != nil {
				return r, err
			}
		}
	}
	s.did("runs paused, cancelled and steered")
	return r, nil
}

const (
	pauseMutation  = `mutation($run: ID!) { pauseRun(input: {runId: $run}) { run { id } } }`
	cancelMutation = `mutation($run: ID!) { cancelRun(input: {runId: $run}) { run { id } } }`
)

// begin sends a message whose answer stands still, and waits for that.
func (s *Suite) begin(ctx context.Context) (*hold, *Sent, error) {
	h := s.In.Model.newHold(rand.Text())
	sent, err := s.Load.once(ctx, sendInput(s.Load.Projects[0].ID, "", h.text("Wait."), rand.Text()), 0)
	if err != nil {
		return nil, nil, err
	}
	_, err = take(ctx, h.asked, "the model was not asked")
	return h, sent, err
}

func (s *Suite) order(ctx context.Context, mutation, run string) (answered time.Time, err error) {
	var out struct{}
	err = s.Load.clients[0].Do(ctx, mutation, map[string]any{"run": run}, &out)
	return time.Now(), err
}

func (s *Suite) pauseOne(ctx context.Context, seen *states, r *Reactions) error {
	h, sent, err := s.begin(ctx)
	if err != nil {
		return err
	}
	closed, told, err := s.stopRun(ctx, seen, h, sent, pauseMutation, "PAUSED")
	if err != nil {
		return err
	}
	r.PauseClosed, r.PauseSeen = append(r.PauseClosed, closed), append(r.PauseSeen, told)
	_, err = s.order(ctx, cancelMutation, sent.Run)
	return err
}

func (s *Suite) cancelOne(ctx context.Context, seen *states, r *Reactions) error {
	h, sent, err := s.begin(ctx)
	if err != nil {
		return err
	}
	closed, told, err := s.stopRun(ctx, seen, h, sent, cancelMutation, "CANCELLED")
	r.CancelClosed, r.CancelSeen = append(r.CancelClosed, closed), append(r.CancelSeen, told)
	return err
}

func (s *Suite) stopRun(ctx context.Context, seen *states, h *hold, sent *Sent, mutation, state string) (closed, told time.Duration, err error) {
	at, err := s.order(ctx, mutation, sent.Run)
	if err != nil {
		return 0, 0, err
	}
	left, err := take(ctx, h.left, "the model's connection was not closed")
	if err != nil {
		return 0, 0, err
	}
	saw, err := seen.await(ctx, sent.Run, state)
	return max(0, left.Sub(at)), max(0, saw.Sub(at)), err
}

func (s *Suite) steerOne(ctx context.Context, seen *states, r *Reactions) error {
	h, sent, err := s.begin(ctx)
	if err != nil {
		return err
	}
	input := sendInput("", sent.Conversation, h.text("And this."), rand.Text())
	input["whileBusy"] = "STEER"
	steering, err := s.Load.once(ctx, input, 0)
	if err != nil {
		return err
	}
	at := time.Now()
	close(h.proceed)
	asked, err := take(ctx, h.asked, "the model was not asked again")
	if err != nil {
		return err
	}
	r.Steered = append(r.Steered, time.Since(at))
	if steering.Run != sent.Run || asked != steering.Text {
		s.Load.problem("run %s was steered by %q and asked with %q (run %s)", sent.Run, steering.Text, asked, steering.Run)
	}
	if _, err := s.order(ctx, cancelMutation, sent.Run); err != nil {
		return err
	}
	_, err = seen.await(ctx, sent.Run, "CANCELLED")
	return err
}

// take waits for what comes by ch, half a minute at most.
func take[T any](ctx context.Context, ch <-chan T, otherwise string) (got T, err error) {
	select {
	case got = <-ch:
		return got, nil
	case <-ctx.Done():
		return got, ctx.Err()
	case <-time.After(30 * time.Second):
		return got, fmt.Errorf("%s within 30 s", otherwise)
	}
}

// states is what a subscriber of the last server saw of runs, and when.
type states struct {
	mu   sync.Mutex
	seen map[string]time.Time // by run and state
	more chan struct{}        // holds a token when there is more
	end  error
}

// follow subscribes until leave is called.
func (s *Suite) follow(ctx context.Context, project string) (_ *states, leave func()) {
	w := &states{seen: map[string]time.Time{}, more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	clients := s.Load.clients
	go func() {
		defer close(ended)
		err := clients[len(clients)-1].ProjectEvents(ctx, project, client.Start, func(e client.Event) error {
			if e.Type == "RunStateChanged" {
				w.note(e.Run.ID+" "+e.State, nil)
			}
			return nil
		})
		w.note("", err)
	}()
	return w, func() {
		cancel()
		<-ended
	}
}

func (w *states) note(what string, end error) {
	w.mu.Lock()
	w.seen[what] = time.Now()
	w.end = end
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// await waits until the run was seen in the state.
func (w *states) await(ctx context.Context, run, state string) (time.Time, error) {
	for {
		w.mu.Lock()
		at, ok := w.seen[run+" "+state]
		end := w.end
		w.mu.Unlock()
		switch {
		case ok:
			return at, nil
		case end != nil:
			return at, fmt.Errorf("the subscriber left: %w", end)
		}
		if _, err := take(ctx, w.more, "run "+run+" was not seen "+state); err != nil {
			return at, err
		}
	}
}
