package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/stream"
)

// A conversation of two questions, with tools and a call that failed, is played back
// without any network: what a watcher sees is the same.
func TestARecordedConversationReplays(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		file, seen := recordConversation(t, cfg)
		rec, player := load(t, file)
		again := replay(t, rec, player)
		require.Nil(t, player.Diverged())
		require.Equal(t, rec.Size(), player.Played())
		require.Equal(t, seen, again)
	})
}

func TestAChangedPromptIsTold(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		file, _ := recordConversation(t, cfg)
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		// Another page was written, so from step 1 on the transcript is another.
		require.NoError(t, os.WriteFile(file, bytes.Replace(raw, []byte("My to-do list"), []byte("My shopping list"), 1), 0o600))
		rec, player := load(t, file)
		replay(t, rec, player)
		require.NotNil(t, player.Diverged())
		require.Equal(t, 1, player.Diverged().Step)
		require.Contains(t, player.Diverged().Error(), "toolCalls")
	})
}

var update = flag.Bool("update", false, "record testdata/conversation.jsonl anew")

// TestAConversationOfOldReplays holds prompts, tools and the engine to a recording that
// is kept: whoever changes what a model is asked sees where, and records anew with
//
//	go test ./internal/app -run TestAConversationOfOldReplays -update
func TestAConversationOfOldReplays(t *testing.T) {
	t.Parallel()
	const kept = "testdata/conversation.jsonl"
	if *update {
		file, _ := recordConversation(t, config.Config{
			DataDir: t.TempDir(), Addr: "127.0.0.1:0", PublicURL: "http://127.0.0.1", SignUpOpen: true, Runs: config.Runs{Drain: -1},
		})
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(kept), 0o755))
		require.NoError(t, os.WriteFile(kept, raw, 0o644))
	}
	rec, player := load(t, kept)
	require.Equal(t, 4, rec.Size())
	events := replay(t, rec, player)
	require.Nil(t, player.Diverged())
	require.Equal(t, rec.Size(), player.Played())
	require.Equal(t, "RunStateChanged SUCCEEDED", events[len(events)-1])
	require.Contains(t, events, "FileChanged index.html CREATED 4c23b75e625f9bc32dde10ddcebb70ddf6c6e959")
}

func recordConversation(t *testing.T, cfg config.Config) (file string, seen []string) {
	t.Helper()
	const key = "a-key-that-nobody-may-see"
	model := llmtest.NewServer(t,
		llmtest.Reply{llmtest.Say("I will write ", "the page. 🚀"), llmtest.Call("write_file", map[string]any{"path": "index.html", "text": todo})},
		llmtest.Reply{llmtest.Say("Done: ", "open index.html.")},
		llmtest.Reply{llmtest.Call("read_file", map[string]any{"path": "index.html"})},
		llmtest.Reply{llmtest.Say("It says: ", "My to-do list, and "+key)},
	)
	cfg.AnthropicKey, cfg.AnthropicBaseURL, cfg.RecordDir = key, model.AnthropicURL(), filepath.Join(t.TempDir(), "recordings")
	s := start(t, cfg)
	project := s.newProject(t, "To-dos")
	w := s.watch(t, s.key, project, "start")
	s.send(t, project, "Build a to-do list page")
	events := w.untilEnd(t)
	data := s.do(t, `query($p: ID!) { project(id: $p) { conversations(first: 1) { edges { node { id } } } } }`, object{"p": project})
	conversation := nodes(data["project"].(object)["conversations"])[0]["id"]
	s.do(t, `mutation($c: ID!) { sendMessage(input: {conversationId: $c, text: "What does it say?"}) { run { id } } }`, object{"c": conversation})
	events = append(events, w.untilEnd(t)...)
	s.stop()
	raw, err := os.ReadFile(filepath.Join(cfg.RecordDir, conversation.(string)+".jsonl"))
	require.NoError(t, err)
	require.NotContains(t, string(raw), key, "the model has said its own key")
	return filepath.Join(cfg.RecordDir, conversation.(string)+".jsonl"), summary(t, func(yield func(string, []byte)) {
		for _, e := range events {
			yield(e.Type, []byte(strings.ReplaceAll(e.raw, key, "[redacted]")))
		}
	})
}

func load(t *testing.T, file string) (*record.Recording, *record.Player) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	rec, err := record.Read(f)
	require.NoError(t, err)
	return rec, record.NewPlayer(rec, app.Redactor(config.Config{}), nil)
}

func replay(t *testing.T, rec *record.Recording, player *record.Player) []string {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.New(t.Context(), config.Config{DataDir: t.TempDir(), SignUpOpen: true}, app.Options{Logger: logger, Version: "test", Provider: player})
	require.NoError(t, err)
	var events []stream.Event
	_, err = a.Replay(t.Context(), rec, func(e stream.Event) { events = append(events, e) })
	require.NoError(t, err)
	require.NoError(t, a.Close())
	return summary(t, func(yield func(string, []byte)) {
		for _, e := range events {
			yield(names[string(e.Type)], e.Payload)
		}
	})
}

var names = map[string]string{
	"MESSAGE_ADDED": "MessageAdded", "MESSAGE_DELTA": "MessageDelta", "MESSAGE_COMPLETED": "MessageCompleted",
	"RUN_STATE_CHANGED": "RunStateChanged", "TOOL_CALL_STARTED": "ToolCallStarted", "TOOL_CALL_FINISHED": "ToolCallFinished",
	"FILE_CHANGED": "FileChanged",
}

// summary is what events tell, without ids and times; pieces of text that follow each
// other are one, as how they are cut is a matter of time.
func summary(t *testing.T, events func(yield func(kind string, payload []byte))) (all []string) {
	t.Helper()
	text := ""
	events(func(kind string, payload []byte) {
		var e struct {
			Message     *struct{ Role, Status, Text string }
			Text, State string
			Run         *struct{ State string }
			ToolCall    *struct{ Name, State, Output string }
			Logged      *struct{ Name, State, Output string } `json:"tool_call"`
			Path        string
			Change      string
			Revision    string
		}
		require.NoError(t, json.Unmarshal(payload, &e))
		if kind == "MessageDelta" {
			text += e.Text
			return
		}
		if text != "" {
			all = append(all, "text "+text)
			text = ""
		}
		call := e.ToolCall
		if call == nil {
			call = e.Logged
		}
		switch {
		case kind == "MessageAdded":
			all = append(all, fmt.Sprint(kind, " ", e.Message.Role, " ", e.Message.Status, " ", e.Message.Text))
		case e.Message != nil:
			all = append(all, fmt.Sprint(kind, " ", e.Message.Status, " ", e.Message.Text))
		case kind == "ToolCallStarted":
			all = append(all, kind+" "+call.Name)
		case call != nil:
			all = append(all, fmt.Sprint(kind, " ", *call))
		case e.Run != nil:
			all = append(all, kind+" "+e.State+e.Run.State)
		case kind == "FileChanged":
			all = append(all, fmt.Sprint(kind, " ", e.Path, " ", e.Change, " ", e.Revision))
		}
	})
	return all
}
