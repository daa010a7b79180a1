package faulttest

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// showServers ends the servers so that they say what each goroutine was doing
// (SIGQUIT), tells that in short, and starts them again.
func (in *Installation) showServers() {
	for _, slot := range in.Servers {
		if !slot.Running() {
			in.logf("%s doesn't run", slot.name)
			continue
		}
		size := int64(0)
		if info, err := os.Stat(slot.logFile()); err == nil {
			size = info.Size()
		}
		_ = slot.Thaw()
		if err := slot.quit(); err != nil {
			in.logf("%v", err)
			continue
		}
		if text, err := os.ReadFile(slot.logFile()); err == nil {
			in.logf("what %s was doing:\n  %s", slot.name, strings.Join(doing(text[size:]), "\n  "))
		}
		if err := slot.Start(""); err != nil {
			in.logf("%v", err)
		}
	}
}

// quit ends the process with SIGQUIT, which makes it write its stacks to its log.
func (s *Slot) quit() error {
	p := s.current()
	if err := s.signal(syscall.SIGQUIT); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(30 * time.Second):
		s.Kill()
		return fmt.Errorf("%s did not end within 30 s of SIGQUIT", s.name)
	}
}

// ours is how the functions of the program begin.
const ours = "github.com/zeblit/zeblit/"

// doing counts, in the stacks of a Go process, the goroutines that wait at the same
// place of the program for the same thing, the most first.
func doing(stacks []byte) []string {
	counts := map[string]int{}
	for block := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		head, rest, _ := strings.Cut(string(block), "\n")
		_, state, found := strings.Cut(head, " [")
		if !strings.HasPrefix(head, "goroutine ") || !found {
			continue
		}
		state, _, _ = strings.Cut(strings.TrimSuffix(state, "]:"), ",") // without the minutes
		var places []string
		for line := range strings.Lines(rest) {
			name, isOurs := strings.CutPrefix(line, ours)
			if end := strings.LastIndex(name, "("); isOurs && end > 0 {
				places = append(places, name[:end])
			}
		}
		if len(places) > 0 {
			counts[state+": "+strings.Join(places, " ← ")]++
		}
	}
	out := make([]string, 0, len(counts))
	for what, n := range counts {
		out = append(out, fmt.Sprintf("%4d × %s", n, what))
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(b, a) })
	return out
}
