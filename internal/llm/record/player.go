package record

import (
	"context"
	"fmt"
	"sync"

	"github.com/zeblit/zeblit/internal/llm"
)

// Fork leaves the recording at a step of its last run, which counts from 0: from there
// on another model goes on.
type Fork struct {
	At       int
	Provider llm.Provider
	Model    string // empty: its default
}

// Player is a model that answers as it is recorded. Runs are taken to be the recorded
// ones in the order in which they first call.
type Player struct {
	recording *Recording
	redact    func(string) string
	fork      *Fork

	mu       sync.Mutex
	runs     map[string]int // to the recording's
	played   int
	diverged *Divergence
}

// NewPlayer makes a Player; fork may be nil. redact must be the recorder's, as what is
// asked now is compared with what was written.
func NewPlayer(r *Recording, redact func(string) string, fork *Fork) *Player {
	return &Player{recording: r, redact: redact, fork: fork, runs: map[string]int{}}
}

var _ llm.Provider = (*Player)(nil)

// Name implements llm.Provider.
func (p *Player) Name() string { return p.recording.Conversation.Provider }

// DefaultModel implements llm.Provider.
func (p *Player) DefaultModel() string { return p.recording.Conversation.Model }

// Divergence is the first place where what is asked isn't what was recorded.
type Divergence struct {
	Run, Step int // counted from 0
	What      string
}

func (d *Divergence) Error() string {
	return fmt.Sprintf("run %d, step %d differs from the recording: %s", d.Run+1, d.Step, d.What)
}

// Diverged is the first divergence, nil where there was none, and Played how many calls
// were answered from the recording.
func (p *Player) Diverged() *Divergence { p.mu.Lock(); defer p.mu.Unlock(); return p.diverged }

// Played is how many calls were answered from the recording.
func (p *Player) Played() int { p.mu.Lock(); defer p.mu.Unlock(); return p.played }

// Stream implements llm.Provider.
func (p *Player) Stream(ctx context.Context, req llm.Request, onText func(string) error) (llm.Response, error) {
	id := llm.CallOf(ctx)
	run := p.runOf(id.RunID)
	if p.fork != nil && run == len(p.recording.Runs)-1 && id.Step >= p.fork.At {
		req.Model = p.fork.Model
		return p.fork.Provider.Stream(ctx, req, onText)
	}
	call, err := p.find(run, id, req)
	if err != nil {
		return llm.Response{}, &llm.Error{Kind: llm.KindBadRequest, Message: err.Error(), Err: err}
	}
	for _, text := range call.Chunks {
		if err := ctx.Err(); err != nil {
			return llm.Response{}, err
		}
		if err := onText(text); err != nil {
			return llm.Response{}, err
		}
	}
	p.mu.Lock()
	p.played++
	p.mu.Unlock()
	if f := call.Error; f != nil {
		kind := f.Kind
		if kind == "" {
			kind = llm.KindCut
		}
		return call.Response, &llm.Error{Kind: kind, Status: f.Status, Message: f.Message}
	}
	return call.Response, nil
}

func (p *Player) runOf(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.runs[id]
	if !ok {
		n = len(p.runs)
		p.runs[id] = n
	}
	return n
}

// find is the recorded call, if it was asked the same.
func (p *Player) find(run int, id llm.Call, req llm.Request) (*Call, error) {
	diverge := func(format string, args ...any) error {
		d := &Divergence{Run: run, Step: id.Step, What: fmt.Sprintf(format, args...)}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.diverged == nil {
			p.diverged = d
		}
		return d
	}
	if run >= len(p.recording.Runs) {
		return nil, diverge("it has %d runs", len(p.recording.Runs))
	}
	var call *Call
	n := 0
	for i, c := range p.recording.Runs[run].Calls {
		if c.Step == id.Step {
			if n++; n == id.Attempt {
				call = &p.recording.Runs[run].Calls[i]
			}
		}
	}
	if call == nil {
		return nil, diverge("it has %d calls of this step, and this is call %d", n, id.Attempt)
	}
	if what := differ(call.Request, redactRequest(p.redact, req)); what != "" {
		return nil, diverge("%s", what)
	}
	return call, nil
}
