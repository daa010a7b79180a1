package process

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc, by now the same on every Linux.
const tick = 10 * time.Millisecond

// CPU is the time that a process has used so far, of the user and the system.
func CPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var total time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ticks) * tick
	}
	return total, nil
}

var rssLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// Memory is what a process has resident, in bytes.
func Memory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := rssLine.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("no VmRSS of %d", pid)
	}
	kib, err := strconv.ParseInt(string(found[1]), 10, 64)
	return kib * 1024, err
}
