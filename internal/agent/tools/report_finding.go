package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/finding"
	"github.com/zeblit/zeblit/internal/workspace"
)

type reportFinding struct{}

func (reportFinding) Name() string { return "report_finding" }

// Effect: the same flaw reported twice is one finding.
func (reportFinding) Effect() Effect { return Repeatable }

func (reportFinding) Schema() string {
	return `{"type":"object","properties":{` +
		`"rule":{"type":"string","description":"a short name of the kind of flaw, as missing-owner-check"},` +
		`"title":{"type":"string","description":"what is wrong, in one line"},` +
		`"file":{"type":"string","description":"the file's path in the project"},` +
		`"line":{"type":"integer","minimum":1,"description":"the line where it is"},` +
		`"severity":{"type":"string","enum":["LOW","MEDIUM","HIGH","CRITICAL"]},` +
		`"evidence":{"type":"string","description":"how it can be seen there, without any secret"},` +
		`"remedy":{"type":"string","description":"what to do about it"},` +
		`"cwe":{"type":"integer","description":"its number in the Common Weakness Enumeration, where it has one"}},` +
		`"required":["rule","title","file","line","severity","evidence","remedy"],"additionalProperties":false}`
}

func (reportFinding) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Rule, Title, File, Severity, Evidence, Remedy string
		Line, CWE                                     int
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	f, err := env.Security.Review(ctx, finding.Review{
		ProjectID: env.ProjectID, Branch: cmp.Or(env.Branch.Name, workspace.MainBranch), RunID: env.RunID,
		Rule: in.Rule, Title: in.Title, File: in.File, Line: in.Line, Severity: enum.Severity(strings.ToUpper(in.Severity)),
		Evidence: in.Evidence, Remedy: in.Remedy, CWE: in.CWE,
	})
	if err != nil {
		return Outcome{}, err
	}
	text := "Recorded as " + f.ID + "."
	if f.State == enum.FindingDismissed {
		text = f.ID + " is known, and a person has dismissed it: " + f.Reason
	}
	return Outcome{Text: text}, nil
}
