package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/zeblit/zeblit/internal/faults"
)

// leaseOver is long enough for another worker to have taken over.
const leaseOver = 8 * time.Second

// StopPoints are places where a worker that is stopped has something left to write.
func StopPoints() []string {
	return []string{
		faults.ModelBegun, faults.ModelFirstDelta, faults.ModelAnswered, faults.MessageCompleted,
		faults.ToolStarted + "/write_file", faults.ToolExecuted + "/" + countOnce, faults.ToolExecuted + "/edit_file",
		faults.StepBoundary, faults.RunFinishing,
	}
}

// Freeze stops a worker past its leases, at a crash point or, where that is "", at a
// moment when it has a run, and lets it go on. It returns how many runs it had then, and
// how many of them another worker had when it woke.
func (s *Suite) Freeze(ctx context.Context, slot *Slot, point string) (had, taken int, err error) {
	if point == "" {
		err = s.freezeBusy(ctx, slot)
	} else {
		err = s.freezeAt(ctx, slot, point)
	}
	if err != nil {
		return 0, 0, err
	}
	mine := s.holding(ctx, slot)
	if err := pause(ctx, leaseOver); err != nil {
		return 0, 0, err
	}
	for _, h := range mine {
		var epoch int64
		if err := s.In.db.QueryRowContext(ctx, "SELECT epoch FROM runs WHERE id = $1", h.run).Scan(&epoch); err != nil {
			return 0, 0, err
		}
		if epoch > h.epoch {
			taken++
		}
	}
	if err := slot.Thaw(); err != nil {
		return 0, 0, err
	}
	return len(mine), taken, pause(ctx, time.Second)
}

// freezeBusy stops a worker with a run in its hands, or the stop would prove nothing.
func (s *Suite) freezeBusy(ctx context.Context, slot *Slot) error {
	s.did("SIGSTOP past the lease")
	if err := s.within(ctx, func() bool { return len(s.holding(ctx, slot)) > 0 }); err != nil {
		return fmt.Errorf("%s got no run: %w", slot.name, err)
	}
	return slot.Freeze()
}

// freezeAt has the worker's next process stop itself at a point.
func (s *Suite) freezeAt(ctx context.Context, slot *Slot, point string) error {
	s.did("SIGSTOP past the lease at %s", point)
	if err := slot.Stop(patience); err != nil {
		return err
	}
	if err := slot.Start("stop:" + point); err != nil {
		return err
	}
	if err := s.within(ctx, slot.stopped); err != nil {
		return fmt.Errorf("%s did not come to %s: %w", slot.name, point, err)
	}
	return nil
}

// within waits until is holds, or patience ends.
func (s *Suite) within(ctx context.Context, is func() bool) error { return until(ctx, patience, is) }

func until(ctx context.Context, limit time.Duration, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !is() {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// stopped says whether the slot's process stands still.
func (s *Slot) stopped() bool {
	p := s.current()
	if p == nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return false
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("T"))
}
