package faulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// SameKey is what came of sending the same many times.
type SameKey struct {
	Effects  int  // messages that are there
	Conflict bool // another input with the key was refused as a CONFLICT
}

// SameKey sends one message n times at once with the same key, to both servers, while
// one of them is killed and started again; then another message with that key.
func (s *Suite) SameKey(ctx context.Context, round, n int) (SameKey, error) {
	project := s.Load.Projects[round%len(s.Load.Projects)].ID
	text, key := note+" ("+rand.Text()+")", rand.Text()
	input := sendInput(project, "", text, key)
	input["agent"] = "none"
	var group sync.WaitGroup
	answers, errs := make([]*Sent, n), make([]error, n)
	for i := range n {
		group.Go(func() { answers[i], errs[i] = s.Load.try(ctx, input, i) })
	}
	victim := s.In.Servers[round%len(s.In.Servers)]
	err := pause(ctx, s.between(5*time.Millisecond, 60*time.Millisecond))
	victim.Kill()
	s.did("a server killed among requests with the same key")
	err = errors.Join(err, victim.Start(""))
	group.Wait()
	if err = errors.Join(append(errs, err)...); err != nil {
		return SameKey{}, err
	}
	for _, a := range answers {
		if a.Message != answers[0].Message {
			s.Load.problem("the same key made two messages: %s and %s", answers[0].Message, a.Message)
		}
	}
	var out SameKey
	if err := s.In.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM messages WHERE text = $1", text).Scan(&out.Effects); err != nil {
		return out, err
	}
	input["text"] = text + " and more"
	_, err = s.Load.try(ctx, input, 0)
	out.Conflict = client.IsCode(err, "CONFLICT")
	if !out.Conflict {
		s.Load.problem("another input with the same key: %v", err)
	}
	return out, nil
}

// Dispatch sends n messages by the first server, one after the other, and measures how
// long after the answer a subscriber of the second one sees the run RUNNING; 0 when it
// saw that before.
func (s *Suite) Dispatch(ctx context.Context, n int) ([]time.Duration, error) {
	l, project := s.Load, s.Load.Projects[0]
	ctx, cancel := context.WithCancel(ctx)
	running := make(chan string, 2*n) // runs; roomy, so that the subscriber never waits
	ended := make(chan struct{})
	var left error // why the subscriber ended
	seen := map[string]time.Time{}
	var mu sync.Mutex
	go func() {
		defer close(ended)
		left = l.clients[len(l.clients)-1].ProjectEvents(ctx, project.ID, client.Start, func(e client.Event) error {
			if e.Type == "RunStateChanged" && e.State == "RUNNING" {
				mu.Lock()
				seen[e.Run.ID] = time.Now()
				mu.Unlock()
				running <- e.Run.ID
			}
			return nil
		})
	}()
	defer func() {
		cancel()
		<-ended
	}()
	var late []time.Duration
	for range n {
		project.mu.Lock()
		task := project.next
		project.next++
		project.mu.Unlock()
		sent, err := l.once(ctx, sendInput(project.ID, "", taskText(task, rand.Text()), rand.Text()), 0)
		if err != nil {
			return nil, err
		}
		sent.Task = task
		l.mu.Lock()
		l.sent = append(l.sent, sent)
		l.mu.Unlock()
		for got := ""; got != sent.Run; {
			select {
			case got = <-running:
			case <-ended:
				return nil, fmt.Errorf("the subscriber left: %w", left)
			case <-time.After(30 * time.Second):
				return nil, fmt.Errorf("run %s was not seen RUNNING within 30 s", sent.Run)
			}
		}
		mu.Lock()
		late = append(late, max(0, seen[sent.Run].Sub(sent.At)))
		mu.Unlock()
		l.answered(ctx, sent)
	}
	return late, nil
}

// Failures are the times of all requests that failed and were sent again.
func (l *Load) Failures() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []time.Time
	for _, o := range l.errors {
		out = append(out, o.at)
	}
	return out
}

// Where counts what was done, most of all where processes died.
func (v *Verdict) Where() []string { return tally(v.Faults) }

// Why counts the reasons for which requests were sent again.
func (v *Verdict) Why() []string { return tally(v.Reasons) }
