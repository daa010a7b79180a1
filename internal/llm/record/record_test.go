package record_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-very-secret-key-0123456789"

// script answers calls in turn.
type script []func(onText func(string) error) (llm.Response, error)

func (s *script) Name() string         { return "scripted" }
func (s *script) DefaultModel() string { return "script-1" }
func (s *script) Stream(_ context.Context, _ llm.Request, onText func(string) error) (llm.Response, error) {
	next := (*s)[0]
	*s = (*s)[1:]
	return next(onText)
}

func says(texts ...string) func(func(string) error) (llm.Response, error) {
	return func(onText func(string) error) (llm.Response, error) {
		for _, t := range texts {
			if err := onText(t); err != nil {
				return llm.Response{}, err
			}
		}
		return llm.Response{
			Model: "script-1", Text: strings.Join(texts, ""), StopReason: llm.StopEnd,
			Usage: llm.Usage{InputTokens: 7, OutputTokens: 3}, Carry: json.RawMessage(`"kept by the vendor"`),
		}, nil
	}
}

func fails(text string, err error) func(func(string) error) (llm.Response, error) {
	return func(onText func(string) error) (llm.Response, error) {
		return llm.Response{}, errors.Join(onText(text), err)
	}
}

func calls(id, name, input string) func(func(string) error) (llm.Response, error) {
	return func(func(string) error) (llm.Response, error) {
		return llm.Response{StopReason: llm.StopToolCalls, ToolCalls: []llm.ToolCall{{ID: id, Name: name, Input: json.RawMessage(input)}}}, nil
	}
}

// source knows two runs of one conversation.
type source struct{ broken error }

func (s source) Began(context.Context, string) (record.Conversation, error) {
	return record.Conversation{ProjectName: "Shop", Files: []record.File{{Path: "env", Text: "KEY=" + key}}}, s.broken
}

func (s source) Asked(_ context.Context, runID string) (string, record.Message, error) {
	return "cnv_1", record.Message{RunID: runID, Text: "go, " + key, Agent: "engineer"}, s.broken
}

func at(run string, step, attempt int, epoch int64) context.Context {
	return llm.WithCall(context.Background(), llm.Call{RunID: run, Step: step, Attempt: attempt, Epoch: epoch})
}

func request(text string) llm.Request {
	return llm.Request{
		Model: "m", System: "You build. " + key, MaxOutputTokens: 100,
		Messages: []llm.Message{{Role: llm.RoleUser, Text: text}},
		Tools:    []llm.Tool{{Name: "write_file", InputSchema: json.RawMessage(`{"type":"object"}`)}},
	}
}

func ask(t *testing.T, p llm.Provider, ctx context.Context, req llm.Request) (llm.Response, []string, error) { //nolint:revive // t first
	t.Helper()
	var chunks []string
	res, err := p.Stream(ctx, req, func(s string) error { chunks = append(chunks, s); return nil })
	return res, chunks, err
}

// recorded makes a recording of a few calls: a try that failed, one that a worker which
// died has made, tool calls, a second run.
func recorded(t *testing.T) (file string, redact func(string) string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "recordings")
	redact = secret.NewRedactor(key).Redact
	r, err := record.NewRecorder(dir, source{}, redact, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	overloaded := &llm.Error{Kind: llm.KindOverloaded, Status: 529, Message: "busy, says " + key}
	p := r.Provider(&script{
		fails("he", overloaded), says("lost with its worker"), calls("c1", "write_file", `{"text":"`+key+`"}`),
		says("done ", "with ", key[:9], key[9:]), says("again"),
	})
	_, _, err = ask(t, p, at("run_a", 0, 1, 1), request("one"))
	require.ErrorIs(t, err, overloaded)
	_, _, err = ask(t, p, at("run_a", 1, 1, 1), request("two"))
	require.NoError(t, err)
	_, _, err = ask(t, p, at("run_a", 1, 1, 2), request("two"))
	require.NoError(t, err)
	res, chunks, err := ask(t, p, at("run_a", 2, 1, 2), request("three, "+key))
	require.NoError(t, err)
	require.Equal(t, "done with "+key, res.Text, "who records changes nothing")
	require.Len(t, chunks, 4)
	require.NotEmpty(t, res.Carry)
	_, _, err = ask(t, p, at("run_b", 0, 1, 1), request("four"))
	require.NoError(t, err)
	return filepath.Join(dir, "cnv_1.jsonl"), redact
}

func load(t *testing.T, file string) *record.Recording {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	rec, err := record.Read(f)
	require.NoError(t, err)
	return rec
}

func TestARecordingHoldsNoSecret(t *testing.T) {
	t.Parallel()
	file, _ := recorded(t)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(raw), key)
	require.NotContains(t, string(raw), key[9:])
	require.NotContains(t, string(raw), "kept by the vendor")
	require.Contains(t, string(raw), secret.Mark)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	rec := load(t, file)
	require.Equal(t, "Shop", rec.Conversation.ProjectName)
	require.Equal(t, "scripted", rec.Conversation.Provider)
	require.Len(t, rec.Runs, 2)
	require.Len(t, rec.Runs[0].Calls, 3, "what a worker that was taken over was told counts for nothing")
	require.Equal(t, llm.KindOverloaded, rec.Runs[0].Calls[0].Error.Kind)
}

func TestAReplayAnswersTheSame(t *testing.T) {
	t.Parallel()
	file, redact := recorded(t)
	p := record.NewPlayer(load(t, file), redact, nil)
	require.Equal(t, "scripted", p.Name())
	require.Equal(t, "script-1", p.DefaultModel())
	_, chunks, err := ask(t, p, at("run_x", 0, 1, 1), request("one"))
	var failed *llm.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, llm.KindOverloaded, failed.Kind)
	require.Equal(t, []string{"he"}, chunks)
	res, _, err := ask(t, p, at("run_x", 1, 1, 1), request("two"))
	require.NoError(t, err)
	require.Equal(t, "c1", res.ToolCalls[0].ID)
	res, _, err = ask(t, p, at("run_x", 2, 1, 1), request("three, "+key))
	require.NoError(t, err)
	require.Equal(t, llm.Usage{InputTokens: 7, OutputTokens: 3}, res.Usage)
	res, chunks, err = ask(t, p, at("run_y", 0, 1, 1), request("four"))
	require.NoError(t, err)
	require.Equal(t, "again", res.Text)
	require.Equal(t, []string{"again"}, chunks)
	require.Nil(t, p.Diverged())
	require.Equal(t, 4, p.Played())
}

func TestTheFirstDivergenceIsTold(t *testing.T) {
	t.Parallel()
	file, redact := recorded(t)
	for name, c := range map[string]struct {
		run  string
		step int
		req  llm.Request
		what []string
	}{
		"another prompt": {"run_x", 1, func() llm.Request { r := request("two"); r.System = "You build well."; return r }(), []string{"run 1, step 1", "system", "You build."}},
		"another text":   {"run_x", 1, request("too"), []string{"step 1", "messages[0].text, character 1", `"two"`, `"too"`}},
		"another tool":   {"run_x", 1, func() llm.Request { r := request("two"); r.Tools = nil; return r }(), []string{"tools"}},
		"another limit":  {"run_x", 1, func() llm.Request { r := request("two"); r.MaxOutputTokens = 7; return r }(), []string{"settings"}},
		"a turn more": {"run_x", 1, func() llm.Request {
			r := request("two")
			r.Messages = append(r.Messages, llm.Message{Role: llm.RoleAssistant, Text: "x"})
			return r
		}(), []string{"1 messages, now there are 2"}},
		"a step more": {"run_x", 7, request("two"), []string{"step 7", "0 calls"}},
	} {
		p := record.NewPlayer(load(t, file), redact, nil)
		_, _, err := ask(t, p, at(c.run, c.step, 1, 1), c.req)
		require.False(t, llm.Retryable(err), name)
		require.Error(t, err, name)
		require.NotNil(t, p.Diverged(), name)
		for _, want := range c.what {
			require.Contains(t, p.Diverged().Error(), want, name)
		}
	}
}

func TestAForkGoesOnWithAnotherModel(t *testing.T) {
	t.Parallel()
	file, redact := recorded(t)
	other := &script{says("I differ")}
	p := record.NewPlayer(load(t, file), redact, &record.Fork{At: 0, Provider: other, Model: "other"})
	for step, text := range []string{"one", "two", "three, " + key} {
		_, _, err := ask(t, p, at("run_x", step, 1, 1), request(text))
		require.Nil(t, p.Diverged(), "%v", err)
	}
	res, _, err := ask(t, p, at("run_y", 0, 1, 1), request("whatever"))
	require.NoError(t, err)
	require.Equal(t, "I differ", res.Text)
	require.Nil(t, p.Diverged())
}

func TestBrokenFilesAreRefused(t *testing.T) {
	t.Parallel()
	file, _ := recorded(t)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := bytes.SplitAfter(raw, []byte("\n"))

	rec, err := record.Read(bytes.NewReader(raw[:len(raw)-5]))
	require.NoError(t, err, "the last line was cut by a crash")
	require.Empty(t, rec.Runs[1].Calls)
	for name, c := range map[string]struct{ text, what string }{
		"nothing":           {"", "empty"},
		"no JSON":           {"{\n" + string(raw), "line 1 is not JSON"},
		"another version":   {`{"v":2}`, "version 2"},
		"no beginning":      {string(lines[1]), "doesn't begin"},
		"a call of nowhere": {string(lines[0]) + string(lines[2]), "whose message is missing"},
	} {
		_, err := record.Read(strings.NewReader(c.text))
		require.ErrorContains(t, err, c.what, name)
	}
}

func TestWhatCantBeRecordedRunsAllTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, err := record.NewRecorder(dir, source{broken: errors.New("the database is away")}, func(s string) string { return s }, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	res, chunks, err := ask(t, r.Provider(&script{says("a", "b")}), at("run_a", 0, 1, 1), request("one"))
	require.NoError(t, err)
	require.Equal(t, "ab", res.Text)
	require.Equal(t, []string{"a", "b"}, chunks)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestManyRunsWriteAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	redact := func(s string) string { return s }
	var runs sync.WaitGroup
	for _, run := range []string{"run_a", "run_b", "run_c", "run_d"} {
		r, err := record.NewRecorder(dir, source{}, redact, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		runs.Go(func() {
			for step := range 20 {
				_, _, err := ask(t, r.Provider(&script{says("a", "b")}), at(run, step, 1, 1), request("one"))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	runs.Wait()
	rec := load(t, filepath.Join(dir, "cnv_1.jsonl"))
	require.Len(t, rec.Runs, 4)
	for _, run := range rec.Runs {
		require.Len(t, run.Calls, 20)
	}
}
