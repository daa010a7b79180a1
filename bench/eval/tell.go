package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// table is a line for each trial, why those failed that nobody expected to fail, and the
// sum of all.
func table(trials []Trial) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "task\tplay\tsolved\trun\tverified\tsteps\tcalls\ttokens in\tout\tcost\tseconds")
	for _, t := range trials {
		solved := "yes"
		if !t.Solved {
			solved = fmt.Sprint("no, by ", joined(t.Failed))
		}
		if t.Differs != "" {
			solved += " (WRONG)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%.1f\n", t.Task, or(t.Play, "-"), solved, t.State, or(t.Verification, "-"),
			t.Steps, t.Calls, t.InputTokens, t.OutputTokens, t.price(), t.Seconds)
	}
	sum := total(trials)
	fmt.Fprintf(w, "total\t\t%d of %d\t\t\t%d\t%d\t%d\t%d\t%s\t%.1f\n", sum.Solved, sum.Trials, sum.Steps, sum.Calls, sum.InputTokens, sum.OutputTokens, sum.Cost, sum.Seconds)
	_ = w.Flush() // into memory
	for _, t := range trials {
		for i, failed := range t.Failed {
			if t.Play == "" {
				fmt.Fprintf(&b, "\n%s is not solved, by %s: %s\n", t.Task, failed, t.Why[i])
			}
		}
	}
	return b.String()
}

// price is what a trial cost; "?" where some of it has no price.
func (t Trial) price() string {
	if t.Unpriced > 0 {
		return "?"
	}
	return t.Cost
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func joined(failed []check) string {
	var words []string
	for _, f := range failed {
		words = append(words, string(f))
	}
	return strings.Join(words, ", ")
}

// Total is the sum of all trials.
type Total struct {
	Trials       int     `json:"trials"`
	Solved       int     `json:"solved"`
	Differ       int     `json:"differ"`
	Steps        int     `json:"steps"`
	Calls        int64   `json:"calls"`
	InputTokens  int64   `json:"inputTokens"`
	OutputTokens int64   `json:"outputTokens"`
	Cost         string  `json:"cost"`
	Seconds      float64 `json:"seconds"` // of all trials, which overlap
}

func total(trials []Trial) (sum Total) {
	cost := new(big.Rat)
	for _, t := range trials {
		sum.Trials++
		if t.Solved {
			sum.Solved++
		}
		if t.Differs != "" {
			sum.Differ++
		}
		sum.Steps += t.Steps
		sum.Calls += t.Calls
		sum.InputTokens += t.InputTokens
		sum.OutputTokens += t.OutputTokens
		sum.Seconds += t.Seconds
		if one, ok := new(big.Rat).SetString(t.Cost); ok {
			cost.Add(cost, one)
		}
	}
	sum.Cost = cost.FloatString(4)
	return sum
}

// write keeps the results as JSON.
func write(file, model string, trials []Trial) error {
	raw, err := json.MarshalIndent(struct {
		At     time.Time `json:"at"`
		Model  string    `json:"model"`
		Trials []Trial   `json:"trials"`
		Total  Total     `json:"total"`
	}{time.Now().UTC(), or(model, provider), trials, total(trials)}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}

// judge fails where a play was not scored as it has to be.
func judge(trials []Trial) error {
	var wrong []string
	for _, t := range trials {
		if t.Differs != "" {
			wrong = append(wrong, fmt.Sprintf("%s, played %s: %s", t.Task, t.Play, t.Differs))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d plays are not scored as they have to be:\n%s", len(wrong), len(trials), strings.Join(wrong, "\n"))
}
