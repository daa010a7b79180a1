//go:build linux && (amd64 || arm64)

package inside

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// What this process may take before it collects garbage more eagerly, in bytes.
const memoryGoal = 24 << 20

// Main is the whole program where Called says so.
func Main(args []string) int {
	var err error
	switch args[1] {
	case startWord:
		err = becomeCommand(args[2:])
	case ConnectWord:
		err = connect(os.Stdin, os.Stdout)
	case ProbeWord:
		err = look(os.Stdout)
	case ListenWord:
		err = listen(args[2:])
	default:
		err = serve(stdio{os.Stdin, os.Stdout})
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "zeblit inside:", err)
		return 1
	}
	return 0
}

// stdio is one connection out of two files.
type stdio struct {
	io.Reader
	io.WriteCloser
}

func serve(connection io.ReadWriteCloser) error {
	if err := protect(); err != nil {
		return err
	}
	a := newAgent()
	defer a.close()
	return a.serve(connection)
}

// listen serves one connection after another, or several, for as long as the sandbox.
func listen(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: %s USER", ListenWord)
	}
	peer, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return err
	}
	if err := protect(); err != nil {
		return err
	}
	a := newAgent()
	defer a.close()
	return a.listen(uint32(peer))
}

// protect makes this process one that commands can't attack, and small.
func protect() error {
	debug.SetMemoryLimit(memoryGoal)
	debug.SetGCPercent(50)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hide from tracing: %w", err)
	}
	runtime.GOMAXPROCS(2) // few threads, which count as processes
	// Every signal that a process of the same user can send is taken and forgotten: not
	// ignored, as commands would inherit that. Faults of our own still end us.
	signal.Notify(make(chan os.Signal, 1))
	unix.Umask(0o022)
	for _, folder := range []string{sandbox.Work, Home} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make %s: %w", folder, err)
		}
	}
	return os.Chdir(sandbox.Work)
}
