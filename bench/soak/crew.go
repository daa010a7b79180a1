package main

import (
	"context"
	"strings"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// work has runs on branches of their own run commands and be merged, while who does that
// dies at each point of both.
func work(ctx context.Context, t *trial, _ settings) (section, error) {
	w, err := faulttest.Work(ctx, t, t.options)
	if err != nil {
		return section{}, err
	}
	t.options.Logf("%s", w)
	var rows table
	rows.row("**parts whose files, commands and merges are as undisturbed**", "**%d, %d wrong**", w.Parts, len(w.Wrong))
	rows.row("kill -9, at", "%d: %s", w.Kills, strings.Join(w.Died, ", "))
	rows.row("commands; merges", "%d; %d", w.Commands, w.Merges)
	return section{rows.String(), w.Good()}, nil
}

// crew has requests planned and built by seven agents, while whoever works dies at each
// point, in each tool.
func crew(ctx context.Context, t *trial, _ settings) (section, error) {
	c, err := faulttest.Crew(ctx, t, t.options)
	if err != nil {
		return section{}, err
	}
	t.options.Logf("%s", c)
	var rows table
	rows.row("**requests whose files, tasks, runs and merges are as undisturbed**", "**%d, %d wrong**", c.Requests, len(c.Wrong))
	rows.row("kill -9; points at which a process died", "%d; %d", c.Kills, len(c.Died))
	return section{rows.String(), c.Good()}, nil
}
