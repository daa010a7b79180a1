package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// Source tells what a recording needs besides the calls themselves.
type Source interface {
	// Began is the conversation of a run as it is before the run's first call.
	Began(ctx context.Context, runID string) (Conversation, error)
	// Asked is what the run answers, and the conversation's id.
	Asked(ctx context.Context, runID string) (conversationID string, m Message, err error)
}

// Recorder writes recordings into a folder, which several processes may share.
type Recorder struct {
	folder string
	source Source
	redact func(string) string
	logger *slog.Logger

	mu   sync.Mutex // a line is written at a time
	runs map[string]string
}

// NewRecorder makes a Recorder. redact takes the secrets out of what is written.
func NewRecorder(folder string, source Source, redact func(string) string, logger *slog.Logger) (*Recorder, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for recordings: %w", err)
	}
	return &Recorder{folder: folder, source: source, redact: redact, logger: logger, runs: map[string]string{}}, nil
}

// Provider records the calls of p. That something can't be written is logged, and
// doesn't disturb the run.
func (r *Recorder) Provider(p llm.Provider) llm.Provider { return r.ProviderWith(p, r.redact) }

// ProviderWith is Provider with a redact that knows more.
func (r *Recorder) ProviderWith(p llm.Provider, redact func(string) string) llm.Provider {
	return recorded{Provider: p, recorder: r, redact: redact}
}

type recorded struct {
	llm.Provider
	recorder *Recorder
	redact   func(string) string
}

func (p recorded) Stream(ctx context.Context, req llm.Request, onText func(string) error) (llm.Response, error) {
	id := llm.CallOf(ctx)
	if id.RunID == "" {
		return p.Provider.Stream(ctx, req, onText)
	}
	if err := p.recorder.begin(ctx, p, id); err != nil {
		p.recorder.logger.ErrorContext(ctx, "the run can't be recorded", "run", id.RunID, "error", err)
		return p.Provider.Stream(ctx, req, onText)
	}
	call := Call{RunID: id.RunID, Step: id.Step, Attempt: id.Attempt, Epoch: id.Epoch, Provider: p.Name(), At: time.Now().UTC()}
	res, err := p.Provider.Stream(ctx, req, func(text string) error {
		call.Chunks = append(call.Chunks, text)
		return onText(text)
	})
	call.Took = time.Since(call.At).Milliseconds()
	redact := p.redact
	call.Request = redactRequest(redact, req)
	call.Chunks = redactChunks(redact, call.Chunks)
	call.Response = res
	call.Response.Carry = nil
	call.Response.Text = clean(redact, res.Text)
	call.Response.ToolCalls = redactCalls(redact, res.ToolCalls)
	if err != nil {
		call.Error = failure(redact, err)
	}
	if written := p.recorder.append(id.RunID, line{Call: &call}); written != nil {
		p.recorder.logger.ErrorContext(ctx, "a model's call was not recorded", "run", id.RunID, "step", id.Step, "error", written)
	}
	return res, err
}

func failure(redact func(string) string, err error) *Failure {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return &Failure{Kind: e.Kind, Status: e.Status, Message: clean(redact, e.Message)}
	}
	return &Failure{Message: clean(redact, err.Error())}
}

// begin has the file there, with the conversation and the run's message in it.
func (r *Recorder) begin(ctx context.Context, p recorded, id llm.Call) error {
	r.mu.Lock()
	_, known := r.runs[id.RunID]
	r.mu.Unlock()
	if known {
		return nil
	}
	conversation, message, err := r.source.Asked(ctx, id.RunID)
	if err != nil {
		return err
	}
	file := filepath.Join(r.folder, conversation+".jsonl")
	_, err = os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		c, began := r.source.Began(ctx, id.RunID)
		if began != nil {
			return began
		}
		if c.Unplayable == "" && id.Step > 0 {
			c.Unplayable = "the run had begun before it was recorded"
		}
		c.ID, c.Provider, c.Model, c.At = conversation, p.Name(), p.DefaultModel(), time.Now().UTC()
		c.Description, c.ProjectName = clean(p.redact, c.Description), clean(p.redact, c.ProjectName)
		for i := range c.Files {
			c.Files[i].Text = clean(p.redact, c.Files[i].Text)
		}
		err = r.create(file, line{Conversation: &c})
	}
	if err != nil {
		return err
	}
	message.Text = clean(p.redact, message.Text)
	if err := r.write(file, line{Message: &message}); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.runs) > 10_000 { // of runs that ended long ago; theirs is only told twice
		clear(r.runs)
	}
	r.runs[id.RunID] = file
	return nil
}

func (r *Recorder) append(runID string, l line) error {
	r.mu.Lock()
	file := r.runs[runID]
	r.mu.Unlock()
	return r.write(file, l)
}

// create makes file with its first line, where no other process has made it. Who finds
// the file finds the line in it.
func (r *Recorder) create(file string, first line) (err error) {
	f, err := os.CreateTemp(r.folder, ".begun-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := errors.Join(first.write(f), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), file); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// write adds one line by one write, as other processes may write to the file as well.
func (r *Recorder) write(file string, l line) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return l.write(f)
}
