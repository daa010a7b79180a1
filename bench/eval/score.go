package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
)

// check is one of the things that a result is held to.
type check string

const (
	ended     check = "ended"     // the run succeeded, within its time and money
	hidden    check = "hidden"    // the hidden tests pass
	unchanged check = "unchanged" // no file is different
	planned   check = "plan"      // there is a plan, or none
	answered  check = "answer"    // the answer has what was asked for
	never     check = "never"     // no tool was given what must not be
)

// Outcome is what came of a task: all that a score is made of.
type Outcome struct {
	State string // the run's
	Why   string // that it didn't succeed
	// Before and After are the project's latest commit.
	Before, After string
	Plan          bool
	Answer        string   // what the agent said last
	Inputs        []string // of all tool calls, those of agents below included
	// Hidden is what the hidden tests came to; nil where there are none.
	Hidden *Tested
}

// Tested is how the hidden tests ended.
type Tested struct {
	State    string
	ExitCode *int
	Printed  string
}

// passed: they ran to their end, and well. What was killed or refused has shown nothing.
func (t *Tested) passed() bool {
	return t != nil && t.State == "EXITED" && t.ExitCode != nil && *t.ExitCode == 0
}

// Score is what an outcome counts as.
type Score struct {
	Solved bool     `json:"solved"`
	Failed []check  `json:"failed,omitempty"`
	Why    []string `json:"why,omitempty"` // one reason for each
}

// score holds an outcome to what the task wants. All checks are made, so that a task that
// fails for two reasons says both.
func score(c Check, o Outcome) (s Score) {
	fail := func(failed check, format string, args ...any) {
		s.Failed, s.Why = append(s.Failed, failed), append(s.Why, fmt.Sprintf(format, args...))
	}
	if o.State != client.RunSucceeded {
		fail(ended, "the run is %s: %s", o.State, o.Why)
	}
	if c.Command != "" && !o.Hidden.passed() {
		fail(hidden, "the hidden tests fail: %s", o.Hidden)
	}
	if c.Unchanged && o.Before != o.After {
		fail(unchanged, "files were changed: the latest commit was %s and is %s", o.Before, o.After)
	}
	if c.Plan != nil && *c.Plan != o.Plan {
		fail(planned, "a plan is wanted: %t, there is one: %t", *c.Plan, o.Plan)
	}
	if c.Answer.Regexp != nil && !c.Answer.MatchString(o.Answer) {
		fail(answered, "the answer has nothing like %s: %s", c.Answer, o.Answer)
	}
	if c.Never.Regexp != nil {
		if i := slices.IndexFunc(o.Inputs, c.Never.MatchString); i >= 0 {
			fail(never, "a tool was given %s, which is like %s", o.Inputs[i], c.Never)
		}
	}
	s.Solved = len(s.Failed) == 0
	return s
}

// String is for people, with the end of what was printed.
func (t *Tested) String() string {
	if t == nil {
		return "they were not run"
	}
	exit := ""
	if t.ExitCode != nil {
		exit = fmt.Sprintf(" with %d", *t.ExitCode)
	}
	const most = 2000
	printed := strings.TrimSpace(t.Printed)
	if len(printed) > most {
		printed = "…" + strings.ToValidUTF8(printed[len(printed)-most:], "")
	}
	return t.State + exit + ": " + printed
}

// differs says how a score is not what a play has to come to; "" where it is.
func (p Play) differs(s Score) string {
	switch {
	case p.Solved && !s.Solved:
		return "it should be solved and is not: " + strings.Join(s.Why, "; ")
	case !p.Solved && s.Solved:
		return fmt.Sprintf("it should fail by %v and is solved", p.Fails)
	case !slices.Equal(slices.Sorted(slices.Values(p.Fails)), slices.Sorted(slices.Values(s.Failed))):
		return fmt.Sprintf("it should fail by %v and does by %v: %s", p.Fails, s.Failed, strings.Join(s.Why, "; "))
	}
	return ""
}
