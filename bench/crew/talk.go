package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/figure"
	"github.com/zeblit/zeblit/internal/client"
)

// way is how a message reaches an agent. sample sends one and returns the milliseconds
// that it took, and how many of them after the step under way had ended.
type way struct {
	title  string
	sample func(ctx context.Context, t *talk, name string) (whole, after float64, err error)
	times  []float64
	after  []float64
	base   int // which way it is compared with
}

// talk is a project in which all is said.
type talk struct {
	*product
	feed    *feed
	project string
}

func talks(ctx context.Context, s settings, p *product) (string, error) {
	project, err := p.CreateProject(ctx, "Talk")
	if err != nil {
		return "", err
	}
	t := &talk{p, p.watch(ctx, project.ID), project.ID}
	defer t.feed.Close()
	ways := []way{
		{title: "a plain message, nothing under way: until the model is asked", sample: plainAsked, base: 0},
		{title: "a plain message, nothing under way: until its answer's first token", sample: plainToken, base: 1},
		{title: "`STEER` while the model says 100 tokens in 2 s: until the model is asked with it", sample: steerAnswer, base: 0},
		{title: "`STEER` while a command takes 1 s: until the model is asked with it", sample: steerTool, base: 0},
		{title: "`INTERRUPT` while the model says 50 tokens a second: until its answer's first token", sample: interruptAnswer, base: 1},
		{title: "`INTERRUPT` while a command runs for minutes: until its answer's first token", sample: interruptTool, base: 1},
	}
	if _, _, err := plainAsked(ctx, t, "warm"); err != nil {
		return "", err
	}
	for i := range s.talks {
		for k := range ways {
			whole, after, err := ways[k].sample(ctx, t, fmt.Sprintf("w%dn%d", k, i))
			if err != nil {
				return "", fmt.Errorf("%s: %w", ways[k].title, err)
			}
			ways[k].times, ways[k].after = append(ways[k].times, whole), append(ways[k].after, after)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `%d samples of each, in turn, from before `+"`sendMessage`"+` is sent; by the clock of the scripted model, or of a watcher.
`+"`STEER`"+` is seen by the model before its next answer, and cuts nothing short: most of its time is what was left of the answer or the
command, and the column "after its end" is what the product adds. The ratio is to the plain message's p50, which is the baseline of the same run.

| | p50 | p90 | most | ratio | after its end: p50 | most |
|---|---|---|---|---|---|---|
`, s.talks)
	for _, w := range ways {
		base := figure.Median(ways[w.base].times)
		added, mostAdded, compared := "", "", figure.Median(w.times)
		if figure.Quantile(w.after, 1) > 0 {
			compared = figure.Median(w.after)
			added, mostAdded = fmt.Sprintf("%.0f ms", compared), fmt.Sprintf("%.0f ms", figure.Quantile(w.after, 1))
		}
		fmt.Fprintf(&b, "| %s | %.0f ms | %.0f ms | %.0f ms | %.1f × | %s | %s |\n", w.title, figure.Median(w.times), figure.Quantile(w.times, .9),
			figure.Quantile(w.times, 1), compared/base, added, mostAdded)
	}
	b.WriteString("\nWhere something is after the end, the ratio is of that.\n")
	return b.String(), nil
}

// plain sends a message in a new conversation's second turn, so that all ways go on with one.
func (t *talk) plain(ctx context.Context, name string) (spoken, error) {
	first, err := t.say(ctx, t.project, "", "engineer", "", "SAY 1 "+name+"before")
	if err != nil {
		return first, err
	}
	if _, err := t.feed.state(ctx, first.run, "SUCCEEDED"); err != nil {
		return first, err
	}
	return t.say(ctx, t.project, first.conversation, "engineer", "", "SAY 1 "+name)
}

func plainAsked(ctx context.Context, t *talk, name string) (whole, after float64, err error) {
	sent, err := t.plain(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	at, err := t.asked(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	_, err = t.feed.state(ctx, sent.run, "SUCCEEDED")
	return since(sent.at, at), 0, err
}

func plainToken(ctx context.Context, t *talk, name string) (whole, after float64, err error) {
	sent, err := t.plain(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	return t.firstToken(ctx, sent)
}

func (t *talk) firstToken(ctx context.Context, sent spoken) (whole, after float64, err error) {
	at, err := t.feed.token(ctx, sent.run)
	if err != nil {
		return 0, 0, err
	}
	_, err = t.feed.state(ctx, sent.run, "SUCCEEDED")
	return since(sent.at, at), 0, err
}

// steer sends a message to a run that is busy, and returns when the model was asked with it.
func (t *talk) steer(ctx context.Context, busy spoken, name string) (sent spoken, at time.Time, err error) {
	if sent, err = t.say(ctx, t.project, busy.conversation, "engineer", "STEER", "SAY 1 "+name); err != nil {
		return sent, at, err
	}
	if sent.run != busy.run {
		return sent, at, fmt.Errorf("run %s was not steered: it had ended", busy.run)
	}
	if at, err = t.asked(ctx, name); err != nil {
		return sent, at, err
	}
	_, err = t.feed.state(ctx, busy.run, "SUCCEEDED")
	return sent, at, err
}

func steerAnswer(ctx context.Context, t *talk, name string) (whole, after float64, err error) {
	busy, err := t.talking(ctx, 100, name)
	if err != nil {
		return 0, 0, err
	}
	sent, at, err := t.steer(ctx, busy, name)
	_, said := t.model.when(name + "busy")
	return since(sent.at, at), since(said, at), err
}

func steerTool(ctx context.Context, t *talk, name string) (whole, after float64, err error) {
	busy, err := t.working(ctx, 1, name)
	if err != nil {
		return 0, 0, err
	}
	sent, at, err := t.steer(ctx, busy, name)
	if err != nil {
		return 0, 0, err
	}
	ended, err := t.feed.await(ctx, "the command has ended", func(e client.Event) bool {
		return e.Type == "ToolCallFinished" && strings.Contains(e.ToolCall.Input, name+"busy")
	})
	return since(sent.at, at), max(since(ended, at), .001), err
}

func interruptAnswer(ctx context.Context, t *talk, name string) (whole, after float64, err error) {
	busy, err := t.talking(ctx, 3000, name)
	if err != nil {
		return 0, 0, err
	}
	return t.interrupt(ctx, busy, name)
}

func interruptTool(ctx context.Context, t *talk, name string) (whole, after float64, err error) {
	busy, err := t.working(ctx, 300, name)
	if err != nil {
		return 0, 0, err
	}
	return t.interrupt(ctx, busy, name)
}

func (t *talk) interrupt(ctx context.Context, busy spoken, name string) (whole, after float64, err error) {
	sent, err := t.say(ctx, t.project, busy.conversation, "engineer", "INTERRUPT", "SAY 1 "+name)
	if err != nil {
		return 0, 0, err
	}
	if whole, after, err = t.firstToken(ctx, sent); err != nil {
		return 0, 0, err
	}
	_, err = t.feed.state(ctx, busy.run, "CANCELLED")
	return whole, after, err
}

// talking is a run whose model speaks.
func (t *talk) talking(ctx context.Context, tokens int, name string) (spoken, error) {
	busy, err := t.say(ctx, t.project, "", "engineer", "", fmt.Sprintf("TALK %d %sbusy", tokens, name))
	if err == nil {
		_, err = t.feed.token(ctx, busy.run)
	}
	return busy, err
}

// working is a run with a command under way.
func (t *talk) working(ctx context.Context, seconds int, name string) (spoken, error) {
	busy, err := t.say(ctx, t.project, "", "engineer", "", fmt.Sprintf("TOOL %d %sbusy", seconds, name))
	if err == nil {
		_, err = t.feed.await(ctx, "the command runs", func(e client.Event) bool {
			return e.Type == "ToolCallStarted" && strings.Contains(e.ToolCall.Input, name+"busy")
		})
	}
	return busy, err
}
