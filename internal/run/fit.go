package run

import (
	"context"

	"github.com/zeblit/zeblit/internal/agent/window"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/usage"
)

// estimate is about how many tokens a request has: a third of the most that it can be,
// which is rather too much than too little for text and code.
func estimate(r llm.Request) int64 { return (usage.Bound(r) + 2) / 3 }

// compact has what is told fit the model's context window beside the answer.
func (e *Engine) compact(ctx context.Context, l *lease, p prompt, try *attempt) {
	size, room := try.Model.ContextWindow, p.most
	if fits := size - min(int64(try.request.MaxOutputTokens), size/4); size > 0 && (room == 0 || fits < room) {
		room = fits
	}
	if room == 0 {
		return
	}
	counted, estimated := e.measure(ctx, l, try, room)
	told, ok := window.Compact(p.Messages, p.asked, func(messages []llm.Message) bool {
		request := p.Request
		request.Messages = messages
		return float64(estimate(request))*float64(counted)/float64(estimated) <= float64(room)
	})
	if len(told) != len(p.Messages) || !ok {
		e.logger.InfoContext(ctx, "the context is told in short", "run", l.run.ID, "model", try.String(),
			"tokens", counted, "room", room, "messages", len(p.Messages), "told", len(told), "fits", ok)
	}
	try.request.Messages = told
}

// measure is how many tokens the request has and how many it is estimated to have. They
// are the same, unless it may be near the room that there is and the vendor counts.
func (e *Engine) measure(ctx context.Context, l *lease, try *attempt, room int64) (counted, estimated int64) {
	estimated = max(estimate(try.request), 1)
	counter, ok := try.Provider.(llm.Counter)
	if !ok || estimated < room/2 {
		return estimated, estimated
	}
	counted, err := counter.CountTokens(ctx, try.request)
	if err != nil {
		e.logger.InfoContext(ctx, "the vendor did not count the tokens; they are estimated", "run", l.run.ID, "model", try.String(), "error", err)
		return estimated, estimated
	}
	return counted, estimated
}
