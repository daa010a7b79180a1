//go:build faults

package faults

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Enabled says whether the program was built with the tag "faults".
const Enabled = true

var fatal = parse(os.Getenv("ZEBLIT_FAULT"))

type deadly struct {
	signal syscall.Signal
	name   string
	detail string       // empty: any
	left   atomic.Int64 // visits until the process dies
}

func parse(setting string) *deadly {
	d := &deadly{signal: syscall.SIGKILL}
	setting, stops := strings.CutPrefix(setting, "stop:")
	if stops {
		d.signal = syscall.SIGSTOP
	}
	name, count, counted := strings.Cut(setting, ":")
	d.name, d.detail, _ = strings.Cut(name, "/")
	n := int64(1)
	if counted {
		var err error
		if n, err = strconv.ParseInt(count, 10, 64); err != nil || n < 1 {
			panic(fmt.Sprintf("ZEBLIT_FAULT=%s: want [stop:]NAME[/DETAIL][:N]", setting))
		}
	}
	d.left.Store(n)
	return d
}

// Point kills or stops the process if ZEBLIT_FAULT names this point and it is the visit
// that it counts. The process says so on standard error first.
func Point(name string, detail ...string) {
	if name != fatal.name || fatal.detail != "" && !slices.Contains(detail, fatal.detail) || fatal.left.Add(-1) != 0 {
		return
	}
	_, _ = os.Stderr.WriteString("fault: " + fatal.signal.String() + " at " + name + " " + strings.Join(detail, " ") + "\n")
	_ = syscall.Kill(os.Getpid(), fatal.signal)
	if fatal.signal == syscall.SIGKILL {
		select {} // until the signal arrives
	}
}

// A process of the suite ends with the suite, however that ends: its standard input is
// a pipe that closes then.
func init() {
	if os.Getenv("ZEBLIT_FAULT_TETHER") == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}()
}
