package main

import (
	"bufio"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// releaseStartup gives back the memory that only the start needed: the heap that
// is free, and the pages of the program itself that ran or were read once. The
// latter are clean and shared with the file: what is needed again comes back from
// the page cache, a page at a time. Failing changes nothing but the figure.
func releaseStartup() {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if from, size, ok := readOnlyPart(lines.Text(), program); ok {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, size, syscall.MADV_DONTNEED)
		}
	}
}

// readOnlyPart reads a line of /proc/self/maps (proc_pid_maps(5)) and reports
// whether it is a part of program that nothing writes to.
func readOnlyPart(line, program string) (from, size uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[5] != program || len(fields[1]) != 4 || fields[1][1] == 'w' || fields[1][3] != 'p' {
		return 0, 0, false
	}
	first, last, found := strings.Cut(fields[0], "-")
	begin, err1 := strconv.ParseUint(first, 16, 64)
	end, err2 := strconv.ParseUint(last, 16, 64)
	if !found || err1 != nil || err2 != nil || end <= begin {
		return 0, 0, false
	}
	return uintptr(begin), uintptr(end - begin), true
}
