package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/finding"
)

// Security looks for flaws, and keeps what is found.
type Security interface {
	Scan(ctx context.Context, in finding.Input) (*finding.Outcome, error)
	Review(ctx context.Context, in finding.Review) (*ent.Finding, error)
}

// scanTool makes one check of the branch's files. It changes none of them.
type scanTool struct {
	name  string
	check enum.SecurityCheck
}

func (t scanTool) Name() string { return t.name }

func (scanTool) Schema() string {
	return `{"type":"object","properties":{},"additionalProperties":false}`
}

// Effect: what is found twice is one finding.
func (scanTool) Effect() Effect { return Repeatable }

// Limit: reading a large project takes a while.
func (scanTool) Limit(json.RawMessage) time.Duration { return 2 * time.Minute }

func (t scanTool) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	if err := decode(input, &struct{}{}); err != nil {
		return Outcome{}, err
	}
	out, err := env.Security.Scan(ctx, finding.Input{
		ProjectID: env.ProjectID, Branch: env.Branch.Name, RunID: env.RunID, Checks: []enum.SecurityCheck{t.check},
	})
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Text: tellScan(out)}, nil
}

// What one call tells, so that it doesn't fill the model's context.
const (
	scanFindings = 60
	scanGaps     = 40
)

func tellScan(out *finding.Outcome) string {
	var q quoted
	q.say("Looked at %d files of %s at %s. ", out.Scan.Files, out.Scan.Branch, cmp.Or(out.Scan.Revision, "(empty)"))
	dismissed := 0
	open := make([]*ent.Finding, 0, len(out.Findings))
	for _, f := range out.Findings {
		if f.State == enum.FindingDismissed {
			dismissed++
			continue
		}
		open = append(open, f)
	}
	q.say("%d open findings, %d of them new; %d fixed since the last time", len(open), out.New, out.Fixed)
	if dismissed > 0 {
		q.say("; %d that people have dismissed are left out", dismissed)
	}
	q.say(".\n")
	if len(out.Scan.Checks) == 1 && out.Scan.Checks[0] == enum.CheckDependencies {
		q.say("Compared with the bundled list of advisories up to %s.\n", out.Scan.AdvisoriesDate)
	}
	for i, f := range open {
		if i == scanFindings {
			q.say("\n(%d more, none worse: mend these and scan again)\n", len(open)-i)
			break
		}
		tellFinding(&q, f)
	}
	gaps := finding.Gaps(out.Scan)
	if len(gaps) > 0 {
		q.say("\nNot assessed:\n")
	}
	for i, gap := range gaps {
		if i == scanGaps {
			q.say("(and %d more)\n", len(gaps)-i)
			break
		}
		q.quote(gap.Subject+": "+gap.Reason, 1)
	}
	return q.String()
}

// tellFinding tells of a finding; what comes from the project's files is quoted.
func tellFinding(q *quoted, f *ent.Finding) {
	q.say("\n%s %s %s", f.ID, f.Severity, f.Rule)
	if f.Cwe > 0 {
		q.say(" (CWE-%d)", f.Cwe)
	}
	q.say(": %s\n", strings.ReplaceAll(f.Title, "\n", " "))
	q.quote(fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Evidence), 3)
	q.say("Remedy: %s\n", strings.ReplaceAll(f.Remedy, "\n", " "))
}
