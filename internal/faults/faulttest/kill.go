package faulttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/faults"
)

// toolNames are the tools that the tasks use.
var toolNames = []string{"write_file", "edit_file", countOnce, countAgain}

// lifetime is how long a process may take to reach its crash point before it is killed
// where it stands.
const lifetime = 12 * time.Second

// points lists every crash point of workers, those in tools once for each tool. Those of
// what the tasks have not are other trials': see workPoints and crewPoints.
func points() []string {
	var out []string
	for _, name := range faults.Names() {
		switch {
		case name == faults.SendStored, name == faults.CallReserved: // of servers; of runs under a budget
		case strings.HasPrefix(name, "merge."), strings.HasPrefix(name, "command."), strings.HasPrefix(name, "plan."),
			strings.HasPrefix(name, "mail."), strings.HasPrefix(name, "ask."):
		case strings.HasPrefix(name, "tool."):
			for _, tool := range toolNames {
				out = append(out, name+"/"+tool)
			}
		default:
			out = append(out, name)
		}
	}
	return out
}

// deaths plans n deaths of workers: every crash point once before any comes twice,
// with a death at a random moment ("") for every third.
func (s *Suite) deaths(n int) []string {
	var out []string
	for len(out) < n {
		round := points()
		for range len(round) / 3 {
			round = append(round, "")
		}
		s.mu.Lock()
		s.random.Shuffle(len(round), func(i, k int) { round[i], round[k] = round[k], round[i] })
		s.mu.Unlock()
		out = append(out, round...)
	}
	return out[:n]
}

// at says at which visit of the point the process dies, so that it lives for a moment.
func (s *Suite) at(point string) string {
	switch {
	case point == "":
		return ""
	case point == faults.ModelDelta:
		return fmt.Sprintf("%s:%d", point, 1+s.intn(80))
	case strings.Contains(point, "/"), point == faults.RunFinishing, point == faults.RunFinished, point == faults.SendStored:
		return fmt.Sprintf("%s:%d", point, 1+s.intn(2))
	}
	return fmt.Sprintf("%s:%d", point, 1+s.intn(6))
}

// Kill kills working processes n times and servers along with them, about two for every
// ten. It returns when that is done; dead workers are left dead.
func (s *Suite) Kill(ctx context.Context, n int) error {
	plan := make(chan string, n)
	for _, d := range s.deaths(n) {
		plan <- d
	}
	close(plan)
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for _, slot := range s.In.working() {
		group.Go(func() {
			for point := range plan {
				if err := s.die(ctx, slot, point); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	if !s.In.o.SQLite {
		group.Go(func() {
			for i := range n / 10 {
				slot := s.In.Servers[i%2]
				err := s.die(ctx, slot, []string{"", faults.SendStored}[i/2%2])
				if err == nil && !slot.Running() { // clients need the other one only for a moment
					err = slot.Start("")
				}
				if err == nil {
					err = pause(ctx, s.between(500*time.Millisecond, 2*time.Second))
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(errs)
	return <-errs
}

// die has the slot's process die at a point, or at a random moment, and starts the
// next one, in peace.
func (s *Suite) die(ctx context.Context, slot *Slot, point string) error {
	if err := s.spare(ctx, slot); err != nil {
		return err
	}
	fault := s.at(point)
	if slot.Running() {
		slot.Kill() // it began in peace; counted like any other
		s.fell(ctx, slot, "random moment")
	}
	if err := slot.Start(fault); err != nil {
		return err
	}
	p := slot.current()
	limit := lifetime
	if fault == "" {
		limit = s.between(300*time.Millisecond, 2500*time.Millisecond)
	}
	select {
	case <-p.done:
		s.fell(ctx, slot, point)
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(limit):
		slot.Kill()
		if fault == "" {
			s.fell(ctx, slot, "random moment")
		} else {
			s.fell(ctx, slot, point+" (not reached)")
		}
	}
	return nil
}

// mostStruck is how often a step is struck before it is let be. Where its worker dies ten
// times a run has failed, as it should: this trial is not to come to that by chance.
const mostStruck = 6

// spare has the slot work in peace while a step has been struck often.
func (s *Suite) spare(ctx context.Context, slot *Slot) error {
	const often = "SELECT COUNT(*) FROM runs WHERE takeovers >= $1 AND state IN ('QUEUED', 'RUNNING')"
	var failed error
	err := s.within(ctx, func() bool {
		var n int
		if err := s.In.db.QueryRowContext(ctx, often, mostStruck).Scan(&n); err != nil || n == 0 {
			return true
		}
		if !slot.Running() {
			failed = slot.Start("")
		}
		return failed != nil
	})
	return errors.Join(failed, err)
}

// fell notes a death and which runs the process had.
func (s *Suite) fell(ctx context.Context, slot *Slot, where string) {
	at := time.Now()
	s.did("%s", where)
	mine := s.holding(ctx, slot)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range mine {
		h.at = at
		s.held = append(s.held, h)
	}
}

// holding are the runs that the slot's latest process has, as the database says.
func (s *Suite) holding(ctx context.Context, slot *Slot) (all []held) {
	p := slot.current()
	if s.In.o.SQLite || p == nil {
		return nil
	}
	const having = `SELECT r.id, r.epoch FROM runs r JOIN audit.holders h ON h.run_id = r.id
		WHERE h.app = $1 AND r.lease_owner <> '' AND r.state = 'RUNNING'`
	_ = query(ctx, s.In, having, func(scan func(...any) error) error {
		var h held
		if err := scan(&h.run, &h.epoch); err != nil {
			return err
		}
		all = append(all, h)
		return nil
	}, p.app)
	return all // nothing while the database is away
}

// Recoveries are the times from a death to the next step of each run that the dead
// process had, sorted.
func (s *Suite) Recoveries(ctx context.Context) ([]time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []time.Duration
	for _, h := range s.held {
		const next = "SELECT COALESCE(MIN(at), 'epoch') FROM audit.claims WHERE run_id = $1 AND epoch > $2"
		var at time.Time
		if err := s.In.db.QueryRowContext(ctx, next, h.run, h.epoch).Scan(&at); err != nil {
			return nil, err
		}
		if at.After(h.at) {
			out = append(out, at.Sub(h.at))
		}
	}
	slices.Sort(out)
	return out, nil
}
