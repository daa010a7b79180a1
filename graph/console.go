package graph

import (
	"context"

	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/problem"
)

func (r *mutationResolver) reportConsole(ctx context.Context, in model.ReportConsoleInput) (kept int, err error) {
	report := console.Report{Session: deref(in.Session), UserAgent: deref(in.UserAgent)}
	for _, e := range in.Entries {
		report.Entries = append(report.Entries, console.Entry{
			Level: e.Level, Text: e.Text, Stack: deref(e.Stack), URL: deref(e.URL),
			Line: deref(e.Line), Column: deref(e.Column), Count: deref(e.Count), Uncaught: deref(e.Uncaught),
		})
	}
	switch {
	case in.Key != nil && in.ProjectID != nil:
		return 0, problem.BadField("projectId", "give the key or the project's id, not both")
	case in.Key != nil:
		return r.Console.ReportWithKey(ctx, *in.Key, report)
	case in.ProjectID == nil:
		return 0, problem.BadField("key", "give the project's key for this, or as an editor the project's id")
	}
	return r.Console.Report(ctx, *in.ProjectID, report)
}

func nilIfZero(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
