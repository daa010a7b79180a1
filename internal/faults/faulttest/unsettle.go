package faulttest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Unsettle disturbs what subscribers hang on, round after round, each in another order,
// until it has been enough. That is asked between two disturbances.
func (s *Suite) Unsettle(ctx context.Context, enough func() bool) error {
	for {
		for _, act := range s.unsettling() {
			if enough() {
				return ctx.Err()
			}
			if err := act(ctx); err != nil {
				return err
			}
			if err := pause(ctx, s.between(500*time.Millisecond, 3*time.Second)); err != nil {
				return err
			}
		}
	}
}

// Await has all processes work in peace until is holds, or limit is over.
func (s *Suite) Await(ctx context.Context, limit time.Duration, is func() bool) error {
	if err := s.In.calm(ctx); err != nil {
		return err
	}
	return until(ctx, limit, is)
}

// unsettling is what one round does.
func (s *Suite) unsettling() []func(context.Context) error {
	servers, workers := s.In.Servers, s.In.Workers
	kill := func(slot *Slot) func(context.Context) error {
		return func(ctx context.Context) error {
			slot.Kill()
			s.did("a %s killed", slot.role())
			return slot.back(pause(ctx, s.between(0, 2*time.Second)))
		}
	}
	stop := func(slot *Slot) func(context.Context) error {
		return func(ctx context.Context) error {
			s.did("a %s stopped (SIGTERM)", slot.role())
			if err := slot.Stop(patience); err != nil {
				return err
			}
			return slot.back(nil)
		}
	}
	acts := []func(context.Context) error{
		kill(servers[0]), kill(servers[1]), kill(servers[0]), kill(servers[1]),
		stop(servers[s.intn(2)]),
		func(ctx context.Context) error { // both at once: nobody is there for a moment
			servers[0].Kill()
			servers[1].Kill()
			s.did("both servers killed at once")
			return servers[0].back(servers[1].back(nil))
		},
		func(ctx context.Context) error {
			slot := servers[s.intn(2)]
			s.did("a server frozen (SIGSTOP)")
			if err := slot.Freeze(); err != nil {
				return err
			}
			err := pause(ctx, s.between(time.Second, 3*time.Second))
			if thawed := slot.Thaw(); err == nil {
				err = thawed
			}
			return err
		},
		kill(workers[s.intn(len(workers))]),
		func(ctx context.Context) error { return s.RestartRedis(ctx, s.between(0, 3*time.Second)) },
		func(ctx context.Context) error {
			_, err := s.RestartPostgres(ctx, s.between(0, time.Second))
			return err
		},
		s.TerminateBackends,
		func(context.Context) error { s.Cut(); return nil },
		func(ctx context.Context) error {
			return s.Stall(ctx, s.between(500*time.Millisecond, 2*time.Second).Round(500*time.Millisecond))
		},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.random.Shuffle(len(acts), func(i, k int) { acts[i], acts[k] = acts[k], acts[i] })
	return acts
}

// LoseRedis kills Redis for good. What happens from then on is only in the log.
func (s *Suite) LoseRedis() {
	s.did("Redis lost for good")
	s.In.Redis.Stop()
}

// role is what the slot's processes are.
func (s *Slot) role() string {
	role, _, _ := strings.Cut(s.name, "-")
	return role
}

// back starts the next process, unless there was an error.
func (s *Slot) back(err error) error {
	if err != nil || s.Running() {
		return err
	}
	return s.Start("")
}

// Memory is what the servers' processes held, in MiB.
type Memory struct {
	Most    float64
	Samples int
}

// MeasureMemory looks at the servers' memory each second until done is called.
func (s *Suite) MeasureMemory() (done func() Memory) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var m Memory
	group.Go(func() {
		for pause(ctx, time.Second) == nil {
			for _, slot := range s.In.Servers {
				if held := slot.resident(); held > 0 {
					m.Most = max(m.Most, held)
					m.Samples++
				}
			}
		}
	})
	return func() Memory {
		cancel()
		group.Wait()
		return m
	}
}

// resident is what the process has in memory, in MiB; 0: it isn't there.
func (s *Slot) resident() float64 {
	p := s.current()
	if p == nil || p.ended() {
		return 0
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, _ := strconv.ParseFloat(fields[1], 64)
			return kib / 1024
		}
	}
	return 0
}
