//go:build linux && (amd64 || arm64)

package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox/seccomp"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// statusFD is where the step says why a command couldn't be started, or writes ready
// before the last thing it does. It closes by itself when that worked.
const (
	statusFD = 3
	ready    = "+"
)

// step is what becomeCommand is told.
type step struct {
	Program string
	Argv    []string
	Dir     string
	Mark    uint64
	wire.Settings
}

// Exit codes and the like of the step don't matter: who started it reads statusFD.
func becomeCommand(args []string) error {
	runtime.LockOSThread()
	unix.CloseOnExec(statusFD)
	// What process 1 takes and forgets should be a command's as usual; these two would
	// stay ignored if they were.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT)
	err := replace(args)
	// Only a failure comes to here.
	code := unix.EIO
	_ = errors.As(err, &code)
	_, writeErr := fmt.Fprintf(os.NewFile(statusFD, "status"), "%d %v", int(code), err)
	return errors.Join(err, writeErr)
}

func replace(args []string) error {
	var s step
	if len(args) != 1 {
		return errors.New("no step")
	}
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return err
	}
	if err := limit(s); err != nil {
		return err
	}
	if err := unix.Chdir(s.Dir); err != nil {
		return fmt.Errorf("enter %s: %w", s.Dir, err)
	}
	if err := seccomp.Install(seccomp.Locked); err != nil {
		return err
	}
	// From here on this process is no better protected than a command: it may be traced,
	// and its score is in a file that is now its own. The kernel then kills commands for
	// memory before process 1.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return err
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	if _, err := unix.Write(statusFD, []byte(ready)); err != nil {
		return err
	}
	return unix.Exec(s.Program, s.Argv, os.Environ())
}

func limit(s step) error {
	if s.Nice > 0 {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, s.Nice)
	}
	for _, l := range []struct {
		what  int
		value uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_NPROC, uint64(s.Pids)},
		{unix.RLIMIT_NOFILE, uint64(s.OpenFiles)},
		{unix.RLIMIT_FSIZE, uint64(s.FileSize)},
		{unix.RLIMIT_DATA, uint64(s.DataSize)},
		{unix.RLIMIT_MEMLOCK, 64 << 10},
		{unix.RLIMIT_MSGQUEUE, 64 << 10},
		{seccomp.Mark, s.Mark},
	} {
		if l.value == 0 && l.what != unix.RLIMIT_CORE {
			continue
		}
		if err := lower(l.what, l.value); err != nil {
			return fmt.Errorf("set limit %d to %d: %w", l.what, l.value, err)
		}
	}
	return nil
}

// lower sets a limit, or leaves a hard one that is lower already.
func lower(what int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(what, &now); err != nil {
		return err
	}
	value = min(value, now.Max)
	return unix.Setrlimit(what, &unix.Rlimit{Cur: value, Max: value})
}
