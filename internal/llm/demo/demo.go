// Package demo is a model for trying Zeblit without a key: a script, not an AI, and
// every message of its says so. It reads what is asked for and what its tools have
// answered, and really calls them: it lists the files, writes a small page or program
// that fits the request, and makes simple changes to what is there.
//
// It is deterministic: the same request and transcript give the same answer. It keeps
// nothing between calls; where it stands is read from the transcript, so that a run can
// go on anywhere.
package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// Label begins every message of the demo model.
const Label = "Demo model (offline, no AI): "

// DefaultPace is how fast people like to see text appear: the pause after each word.
const DefaultPace = 25 * time.Millisecond

// howToConfigure tells the way to a real model.
const howToConfigure = "For a real model set `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or `OPENAI_BASE_URL` and start Zeblit again."

// Options of New.
type Options struct {
	Pace time.Duration // the pause after each word; 0: none
}

// Provider implements llm.Provider.
type Provider struct{ pace time.Duration }

var (
	_ llm.Provider = (*Provider)(nil)
	_ llm.Checker  = (*Provider)(nil)
)

// New makes a demo model.
func New(o Options) *Provider { return &Provider{pace: o.Pace} }

// Name implements llm.Provider.
func (p *Provider) Name() string { return "demo" }

// DefaultModel implements llm.Provider.
func (p *Provider) DefaultModel() string { return "demo" }

// Check implements llm.Checker: there is nothing that could fail.
func (p *Provider) Check(ctx context.Context) error { return ctx.Err() }

// Stream implements llm.Provider. It never fails but for ctx and onText.
func (p *Provider) Stream(ctx context.Context, req llm.Request, onText func(string) error) (llm.Response, error) {
	if err := ctx.Err(); err != nil {
		return llm.Response{}, err
	}
	move, err := read(req).next()
	if err != nil {
		return llm.Response{}, &llm.Error{Kind: llm.KindBadResponse, Message: "the demo model's pages are broken", Err: err}
	}
	move.say = Label + move.say
	res := llm.Response{Model: "demo", StopReason: llm.StopEnd, Usage: llm.Usage{InputTokens: tokens(req)}}
	if res.Text, err = p.stream(ctx, move.say, onText); err != nil {
		return llm.Response{Model: res.Model, Text: res.Text, Usage: res.Usage}, err
	}
	size := len(move.say)
	ids := freshIDs(req)
	for _, c := range move.calls {
		c.ID = ids()
		res.ToolCalls = append(res.ToolCalls, c)
		res.StopReason = llm.StopToolCalls
		size += len(c.Name) + len(c.Input)
	}
	res.Usage.OutputTokens = int64(size/4 + 1)
	return res, nil
}

// stream hands text on word by word, and returns what it handed on.
func (p *Provider) stream(ctx context.Context, text string, onText func(string) error) (string, error) {
	said := 0
	for word := range words(text) {
		said += len(word)
		if err := onText(word); err != nil {
			return text[:said], err
		}
		if p.pace <= 0 {
			if err := ctx.Err(); err != nil {
				return text[:said], err
			}
			continue
		}
		timer := time.NewTimer(p.pace)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return text[:said], ctx.Err()
		}
	}
	return text, nil
}

// words are the pieces of text, each with the white space after it.
func words(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for text != "" {
			end := strings.IndexAny(text, " \n")
			if end < 0 {
				yield(text)
				return
			}
			for end < len(text) && (text[end] == ' ' || text[end] == '\n') {
				end++
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

// tokens is roughly how large a request is.
func tokens(req llm.Request) int64 {
	n := len(req.System)
	for _, t := range req.Tools {
		n += len(t.Name) + len(t.Description) + len(t.InputSchema)
	}
	for _, m := range req.Messages {
		n += len(m.Text)
		for _, c := range m.ToolCalls {
			n += len(c.Name) + len(c.Input)
		}
		for _, r := range m.ToolResults {
			n += len(r.Text)
		}
	}
	return int64(n/4 + 1)
}

// freshIDs makes ids for tool calls that the transcript doesn't have.
func freshIDs(req llm.Request) func() string {
	used := map[string]bool{}
	for _, m := range req.Messages {
		for _, c := range m.ToolCalls {
			used[c.ID] = true
		}
	}
	n := len(used)
	return func() string {
		for {
			n++
			if id := fmt.Sprintf("demo_%d", n); !used[id] {
				return id
			}
		}
	}
}
