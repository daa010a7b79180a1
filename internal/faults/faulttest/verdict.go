package faulttest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is what the checker found.
type Verdict struct {
	Seed                                int64
	Kills                               int
	Messages                            int // accepted
	Steps, ToolCalls, Counted           int
	Delivered, Resumed                  int // events at all subscribers; how often they went on behind one
	Lost, Doubled, Divergent, Unended   int
	LateWrites                          int
	Refused                             int // times that a worker says it was refused, its lease being lost
	Retries                             int // requests that failed and were sent again
	Requests                            int // of the model
	Takeovers                           int
	Hardest                             int // how often one step was taken over at most
	Interrupted, InterruptedTool, Files int
	Took                                time.Duration
	Faults                              []string // what was done, in words
	Reasons                             []string // why requests were sent again
	Wrong                               []Violation
	Audience
}

// Violation is a promise that was not kept.
type Violation struct {
	kind kind
	what string
}

func (w Violation) String() string { return w.what }

// Good reports whether every promise held.
func (v *Verdict) Good() bool { return len(v.Wrong) == 0 }

// kind says which number a violation counts into.
type kind int

const (
	other kind = iota
	unended
	lost
	doubled
	divergent
)

func (v *Verdict) wrong(k kind, format string, args ...any) {
	switch k {
	case lost:
		v.Lost++
	case doubled:
		v.Doubled++
	case divergent:
		v.Divergent++
	case unended:
		v.Unended++
	case other:
	}
	v.Wrong = append(v.Wrong, Violation{k, fmt.Sprintf(format, args...)})
}

// mostShown bounds the violations of one kind that are listed.
const mostShown = 10

// Worst lists violations, some of each kind.
func (v *Verdict) Worst() []string {
	var out []string
	for k := other; k <= divergent; k++ {
		n := 0
		for _, w := range v.Wrong {
			if w.kind == k {
				if n++; n <= mostShown {
					out = append(out, w.what)
				}
			}
		}
		if n > mostShown {
			out = append(out, fmt.Sprintf("… and %d more like this", n-mostShown))
		}
	}
	return out
}

func (v *Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %.0f s: %d kills, %d take-overs (%d of one step), %d messages accepted (%d requests repeated), %d answers of the model in %d requests, %d tool calls (%d counted)\n",
		v.Seed, v.Took.Seconds(), v.Kills, v.Takeovers, v.Hardest, v.Messages, v.Retries, v.Steps, v.Requests, v.ToolCalls, v.Counted)
	fmt.Fprintf(&b, "%d events delivered, %d resumes, %d messages and %d tool calls interrupted, %d files compared\n%s\n",
		v.Delivered, v.Resumed, v.Interrupted, v.InterruptedTool, v.Files, v.Audience)
	fmt.Fprintf(&b, "lost %d, doubled %d, divergent %d, unended %d, late writes accepted %d (%d refused), violations %d", v.Lost, v.Doubled, v.Divergent, v.Unended, v.LateWrites, v.Refused, len(v.Wrong))
	if len(v.Faults) > 0 {
		fmt.Fprintf(&b, "\nfaults: %s", strings.Join(tally(v.Faults), ", "))
	}
	if len(v.Reasons) > 0 {
		fmt.Fprintf(&b, "\nrepeated: %s", strings.Join(tally(v.Reasons), ", "))
	}
	for _, w := range v.Worst() {
		fmt.Fprintf(&b, "\n  WRONG: %s", w)
	}
	return b.String()
}

// tally counts equal strings.
func tally(all []string) []string {
	counts := map[string]int{}
	for _, s := range all {
		counts[s]++
	}
	out := make([]string, 0, len(counts))
	for s, n := range counts {
		out = append(out, fmt.Sprintf("%s × %d", s, n))
	}
	slices.Sort(out)
	return out
}
