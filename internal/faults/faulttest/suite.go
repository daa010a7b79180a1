package faulttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/internal/redistest"
)

// Plan is one trial: a load, and what disturbs it.
type Plan struct {
	Projects, Conversations int
	// Watchers of each project; 0: two, of the Go client. More are of every kind.
	Watchers int
	// Chat makes the model's first answer to each task so many times as long, and more;
	// conversations then end after a few tasks.
	Chat int
	// Disturb does harm while the load runs, and returns when it has done enough.
	Disturb func(ctx context.Context, s *Suite) error
	// Settle bounds how long what was begun may take to end once all is calm again.
	Settle time.Duration
}

// Suite is a trial under way. Its methods may be called concurrently, but each slot is
// to be disturbed by one caller at a time.
type Suite struct {
	In   *Installation
	Load *Load

	mu     sync.Mutex
	random *rand.Rand
	faults []string
	held   []held
}

// held is a run that a process had when it was killed.
type held struct {
	run   string
	epoch int64
	at    time.Time
}

// patience is how long something may take that is no promise: the machine may be slow, or
// have other things to do.
const patience = 3 * time.Minute

// Run makes one trial on a fresh installation and judges it. First every project has
// one task done undisturbed, which must end as files says; the rest is compared with
// that.
func Run(ctx context.Context, t redistest.TB, o Options, plan Plan) (*Suite, *Verdict, error) {
	begun := time.Now()
	in, err := Install(t, o)
	if err != nil {
		return nil, nil, fmt.Errorf("install: %w", err)
	}
	l, err := NewLoad(ctx, in, plan.Projects)
	if err != nil {
		return nil, nil, fmt.Errorf("make the load: %w", err)
	}
	s := &Suite{In: in, Load: l, random: rand.New(rand.NewPCG(uint64(o.Seed), 5))}
	l.talk(plan.Chat)
	if plan.Watchers == 0 {
		plan.Watchers = 2
	}
	if err := l.Watch(plan.Watchers, o.Clients, s.random); err != nil {
		l.leave()
		l.watching.Wait()
		return nil, nil, fmt.Errorf("watch: %w", err)
	}
	v := &Verdict{}
	err = s.trial(ctx, plan, v)
	v.Took = time.Since(begun)
	if err != nil || !v.Good() {
		for _, w := range v.Worst() {
			o.Logf("WRONG: %s", w)
		}
		if err != nil {
			o.Logf("WRONG: %v", err)
		}
		keepLogs(in, o.Logf)
	}
	return s, v, err
}

func (s *Suite) trial(ctx context.Context, plan Plan, v *Verdict) error {
	defer s.Load.Leave(ctx)
	calm, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.Load.Converse(calm, 1, func(n int) bool { return n == 1 })
	for _, p := range s.Load.Projects {
		if err := checkFiles(calm, s.In, s.Load, p, v); err != nil {
			return fmt.Errorf("the undisturbed tasks: %w", err)
		}
	}
	if !v.Good() {
		return fmt.Errorf("the undisturbed tasks did not end as they must: %s", v)
	}
	if plan.Disturb == nil {
		return fmt.Errorf("a plan without a disturbance")
	}
	var enough atomic.Bool
	talking, hangUp := context.WithCancel(ctx)
	defer hangUp()
	talked := make(chan struct{})
	go func() {
		defer close(talked)
		s.Load.Converse(talking, plan.Conversations, func(int) bool { return enough.Load() })
	}()
	err := plan.Disturb(ctx, s)
	enough.Store(true)
	if calmed := s.In.calm(ctx); err == nil {
		err = calmed
	}
	settle := time.NewTimer(plan.Settle)
	defer settle.Stop()
	select {
	case <-talked:
	case <-settle.C:
		s.In.logf("not all runs ended within %s", plan.Settle)
	}
	hangUp()
	<-talked
	if err != nil {
		return fmt.Errorf("disturb: %w", err)
	}
	s.Load.Leave(ctx)
	v.Faults = s.faults
	return Check(ctx, s.In, s.Load, v)
}

// did notes a disturbance.
func (s *Suite) did(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// between returns a random duration from the seed.
func (s *Suite) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.intn(int(most-least)))
}

func (s *Suite) intn(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// keepLogs shows the end of each process's log, and how often each message is in it.
func keepLogs(in *Installation, logf func(string, ...any)) {
	for _, slot := range in.all() {
		text, err := os.ReadFile(slot.logFile())
		if err != nil {
			continue
		}
		logf("log of %s: %s", slot.name, summary(text))
	}
}
