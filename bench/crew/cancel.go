package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/figure"
)

// cancelled is what one cancel came to, in ms since it was asked for.
type cancelled struct {
	processes, run float64
}

func cancels(ctx context.Context, s settings, p *product) (string, error) {
	project, err := p.CreateProject(ctx, "Cancel")
	if err != nil {
		return "", err
	}
	f := p.watch(ctx, project.ID)
	defer f.Close()
	var single, crews []cancelled
	number := 310000
	for range s.cancels {
		c, err := p.cancelOne(ctx, f, project.ID, "engineer", "TREE", number, 1)
		if err != nil {
			return "", err
		}
		single = append(single, c)
		number += crew
	}
	for range s.crews {
		c, err := p.cancelOne(ctx, f, project.ID, "manager", "CREW", number, crew)
		if err != nil {
			return "", err
		}
		crews = append(crews, c)
		number += crew
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Each run is inside a command of %d processes that ignore TERM, INT and HUP, one of them in a session of its own, when it is cancelled. From
before `+"`cancelRun`"+` is sent until no process of it is left in /proc, and until a watcher has the run's end. Afterwards
each tool call of the run has ended with a result, and the conversation's next message is answered; the program
fails where one isn't. Target: ≤ 1 s.

| what is cancelled | times | no process left: p50 | most | CANCELLED: p50 | most | |
|---|---|---|---|---|---|---|
`, treeSize)
	for _, row := range []struct {
		what string
		all  []cancelled
	}{{"a run", single}, {fmt.Sprintf("a manager with %d runs below it, each in such a command; the last of all", crew), crews}} {
		var gone, ended []float64
		for _, c := range row.all {
			gone, ended = append(gone, c.processes), append(ended, c.run)
		}
		most := max(figure.Quantile(gone, 1), figure.Quantile(ended, 1))
		verdict := "pass"
		if most > 1000 {
			verdict = "**miss**"
		}
		fmt.Fprintf(&b, "| %s | %d | %.0f ms | %.0f ms | %.0f ms | %.0f ms | %s |\n", row.what, len(row.all),
			figure.Median(gone), figure.Quantile(gone, 1), figure.Median(ended), figure.Quantile(ended, 1), verdict)
	}
	return b.String(), nil
}

// cancelOne has an agent told to begin trees, waits until all their processes are there,
// and cancels its run.
func (p *product) cancelOne(ctx context.Context, f *feed, project, agent, word string, number, trees int) (c cancelled, err error) {
	name := fmt.Sprintf("cancel%d", number)
	sent, err := p.say(ctx, project, "", agent, "", fmt.Sprintf("%s %d %s", word, number, name))
	if err != nil {
		return c, err
	}
	var alive []int
	if err := until(ctx, fmt.Sprintf("%d trees have grown", trees), func() (bool, error) {
		alive = alive[:0]
		for i := range trees {
			one, err := processes(number + i)
			if err != nil || len(one) < treeSize {
				return false, err
			}
			alive = append(alive, one...)
		}
		return true, nil
	}); err != nil {
		return c, err
	}
	begun := time.Now()
	if _, err := p.CancelRun(ctx, sent.run); err != nil {
		return c, err
	}
	if err := until(ctx, "its processes are gone", func() (bool, error) { return !anyLives(alive), nil }); err != nil {
		return c, err
	}
	c.processes = since(begun, time.Now())
	runs := []string{sent.run}
	if trees > 1 {
		below, err := p.below(ctx, sent.run)
		if err != nil {
			return c, err
		}
		if len(below) != trees {
			return c, fmt.Errorf("run %s has %d runs below it, not %d", sent.run, len(below), trees)
		}
		runs = append(runs, below...)
	}
	for _, run := range runs {
		at, err := f.state(ctx, run, "CANCELLED")
		if err != nil {
			return c, err
		}
		c.run = max(c.run, since(begun, at))
	}
	for i := range trees {
		if left, err := processes(number + i); err != nil || len(left) > 0 {
			return c, errors.Join(err, fmt.Errorf("%d processes of run %s live on", len(left), sent.run))
		}
	}
	return c, p.sound(ctx, f, project, sent.conversation, agent, sent.run, name+"after")
}

func (p *product) below(ctx context.Context, run string) (ids []string, err error) {
	var out struct {
		Run struct {
			Children struct{ Nodes []struct{ ID string } }
		}
	}
	err = p.Do(ctx, `query($id: ID!) { run(id: $id) { children(first: 10) { nodes { id } } } }`, map[string]any{"id": run}, &out)
	for _, n := range out.Run.Children.Nodes {
		ids = append(ids, n.ID)
	}
	return ids, err
}

func since(begun, at time.Time) float64 { return float64(at.Sub(begun).Microseconds()) / 1e3 }

// until looks each two milliseconds whether something is so.
func until(ctx context.Context, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		if yes, err := is(); yes || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		}
	}
}

// processes are those of this machine, sandboxes included, that have a tree's number in
// their arguments as a time to sleep.
func processes(number int) (ids []int, err error) {
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	asArgument, inShell := fmt.Appendf(nil, "sleep\x00%d\x00", number), fmt.Appendf(nil, "sleep %d ", number)
	for _, path := range entries {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, asArgument) && !bytes.Contains(line, inShell) {
			continue // it has ended, or is another
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && lives(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func anyLives(ids []int) bool {
	for _, id := range ids {
		if lives(id) {
			return true
		}
	}
	return false
}

// lives: what has ended and only waits for its parent to look doesn't.
func lives(id int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}
