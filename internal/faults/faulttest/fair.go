package faulttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"
)

// Fairness is how the workers' slots were shared between projects that had very
// different numbers of runs waiting.
type Fairness struct {
	Slots    int // of all workers together
	Projects []ShareOf
}

// ShareOf is one project's part in it.
type ShareOf struct {
	Runs, Steps int
	// Took is from the begin to the end of its last run, and Share how long that had taken
	// with its equal share of the slots, as long as others wanted theirs.
	Took, Share time.Duration
	// Held is its part of the slots' time while all projects had runs waiting.
	Held float64
	// Passed is how many claims of others came one after the other, at most, while it had
	// a run waiting and less than its share of the slots.
	Passed int
}

// Fair queues runs, queued[i] of them in project i and all of one project's before the
// next one's, while no worker runs, then lets the workers begin, and says how they
// shared their slots.
func (s *Suite) Fair(ctx context.Context, queued []int) (Fairness, error) {
	for _, w := range s.In.Workers {
		if err := w.Stop(patience); err != nil {
			return Fairness{}, err
		}
	}
	var all []*Sent
	for i, n := range queued {
		p := s.Load.Projects[i]
		for range n {
			p.mu.Lock()
			task := p.next
			p.next++
			p.mu.Unlock()
			sent, err := s.Load.send(ctx, p.ID, "", taskText(task, rand.Text()), rand.Text(), 0)
			if err != nil {
				return Fairness{}, err
			}
			sent.Project, sent.Task = p.ID, task
			s.Load.mu.Lock()
			s.Load.sent = append(s.Load.sent, sent)
			s.Load.mu.Unlock()
			all = append(all, sent)
		}
	}
	var begun time.Time
	if err := s.In.db.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&begun); err != nil {
		return Fairness{}, err
	}
	for _, w := range s.In.Workers {
		if err := w.Start(""); err != nil {
			return Fairness{}, err
		}
	}
	for _, sent := range all {
		s.Load.answered(ctx, sent)
	}
	if ctx.Err() != nil {
		return Fairness{}, ctx.Err()
	}
	s.did("runs queued before the workers came")
	turns, err := s.turns(ctx, begun)
	if err != nil {
		return Fairness{}, err
	}
	return share(turns, queued, s.In.o.Slots*len(s.In.Workers))
}

// turn is a run that was taken, or let go.
type turn struct {
	at             time.Duration // since the begin
	project        int
	claimed, ended bool
}

// turns are what the audit has since begun, in order.
func (s *Suite) turns(ctx context.Context, begun time.Time) ([]turn, error) {
	number := map[string]int{}
	for i, p := range s.Load.Projects {
		number[p.ID] = i
	}
	var all []turn
	const statement = `SELECT r.project_id, t.claimed, t.ended, t.at FROM runs r JOIN (
			SELECT run_id, true AS claimed, false AS ended, at FROM audit.claims
			UNION ALL SELECT run_id, false, ended, at FROM audit.frees) t ON t.run_id = r.id
		WHERE t.at >= $1 ORDER BY t.at`
	err := query(ctx, s.In, statement, func(scan func(...any) error) error {
		var t turn
		var project string
		var at time.Time
		if err := scan(&project, &t.claimed, &t.ended, &at); err != nil {
			return err
		}
		t.project, t.at = number[project], at.Sub(begun)
		all = append(all, t)
		return nil
	}, begun)
	return all, err
}

// share follows the turns and adds up what each project had.
func share(turns []turn, queued []int, slots int) (Fairness, error) {
	n := len(queued)
	f := Fairness{Slots: slots, Projects: make([]ShareOf, n)}
	waiting, held, left, passed := slices.Clone(queued), make([]int, n), slices.Clone(queued), make([]int, n)
	busy := make([]time.Duration, n)   // time of slots
	shared := make([]time.Duration, n) // the same, while all had runs waiting
	var before time.Duration
	for _, t := range turns {
		everybody := !slices.Contains(waiting, 0)
		for p := range held {
			d := time.Duration(held[p]) * (t.at - before)
			busy[p] += d
			if everybody {
				shared[p] += d
			}
		}
		before = t.at
		p := t.project
		if t.claimed {
			active := 0
			for q := range left {
				if left[q] > 0 {
					active++
				}
			}
			for q := range queued {
				if q != p && waiting[q] > 0 && held[q] < slots/active {
					passed[q]++
					f.Projects[q].Passed = max(f.Projects[q].Passed, passed[q])
				}
			}
			passed[p] = 0
			waiting[p]--
			held[p]++
			f.Projects[p].Steps++
			continue
		}
		held[p]--
		if !t.ended {
			waiting[p]++
			continue
		}
		if left[p]--; left[p] == 0 {
			f.Projects[p].Took = t.at
		}
	}
	var total time.Duration
	for _, d := range shared {
		total += d
	}
	// With equal shares all projects are served alike until the smallest is done, then the
	// others among themselves, and so on.
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(busy[a] - busy[b]) })
	var done, at time.Duration
	for k, p := range order {
		at += (busy[p] - done) * time.Duration(n-k) / time.Duration(slots)
		done = busy[p]
		f.Projects[p].Share = at
	}
	for p := range f.Projects {
		each := &f.Projects[p]
		if left[p] != 0 || each.Took == 0 {
			return f, fmt.Errorf("project %d has %d runs that did not end", p, left[p])
		}
		each.Runs = queued[p]
		if total > 0 {
			each.Held = float64(shared[p]) / float64(total)
		}
	}
	return f, nil
}
