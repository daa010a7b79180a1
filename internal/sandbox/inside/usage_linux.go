//go:build linux && (amd64 || arm64)

package inside

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// usage is what can be known from inside. Where the host's control groups can be seen,
// as in an engine's containers, memory is among it.
func (a *agent) usage() (wire.Reply, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(sandbox.Work, &disk); err != nil {
		return wire.Reply{}, err
	}
	unit := int64(disk.Bsize)
	everyone := members(0)
	stats := &sandbox.Stats{
		Memory:      groupNumber("memory.current", "memory/memory.usage_in_bytes"),
		MemoryPeak:  groupNumber("memory.peak", "memory/memory.max_usage_in_bytes"),
		Processes:   len(everyone),
		Disk:        (int64(disk.Blocks) - int64(disk.Bfree)) * unit,
		DiskLimit:   int64(disk.Blocks) * unit,
		CPU:         cpuTime(everyone),
		OutOfMemory: oomKills(),
	}
	return wire.Reply{Usage: stats}, nil
}

// cpuTime is that of commands that have ended and of those that run.
func cpuTime(pids []int) time.Duration {
	var ended unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &ended)
	sum := time.Duration(ended.Utime.Nano() + ended.Stime.Nano())
	const tick = 10 * time.Millisecond // USER_HZ is 100 everywhere
	for _, pid := range pids {
		fields := statOf(pid)
		if len(fields) < 15 {
			continue
		}
		for _, field := range fields[11:15] { // its own, and those of its children that have ended
			n, _ := strconv.ParseInt(field, 10, 64)
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// threads is how many processes and threads there are, which limits are about.
func threads(pids []int) int {
	sum := 0
	for _, pid := range pids {
		if fields := statOf(pid); len(fields) > 17 {
			n, _ := strconv.Atoi(fields[17])
			sum += n
		}
	}
	return sum
}

// statOf are the fields of a process from its state on, or none.
func statOf(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	// The name, which may have anything in it, ends with the last parenthesis.
	return strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
}

const groups = "/sys/fs/cgroup/"

// groupNumber reads a file of version 2 or 1; -1 where there is none.
func groupNumber(names ...string) int64 {
	for _, name := range names {
		raw, err := os.ReadFile(groups + name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil {
			return n
		}
	}
	return -1
}

// oomKills is how often the kernel killed here for memory, as far as it can be seen.
func oomKills() int {
	for _, name := range []string{"memory.events", "memory/memory.oom_control"} {
		raw, err := os.ReadFile(groups + name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
				n, _ := strconv.Atoi(strings.TrimSpace(value))
				return n
			}
		}
	}
	return 0
}
