package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// processVariable makes the test program a process of Zeblit: the mode, a space, and
// the configuration.
const processVariable = "ZEBLIT_TEST_PROCESS"

const (
	modeServe     = "serve"
	modeServeOnly = "serve-only"
	modeWorker    = "worker"
)

func runAsProcess(encoded string) int {
	mode, encoded, _ := strings.Cut(encoded, " ")
	var cfg config.Config
	if err := json.Unmarshal([]byte(encoded), &cfg); err != nil {
		panic(err)
	}
	ctx := context.Background()
	a, err := app.New(ctx, cfg, app.Options{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Version: "test", ServeOnly: mode == modeServeOnly,
		OnReady: func(r app.Ready) { fmt.Println(r.URL) },
	})
	switch {
	case err != nil:
	case mode == modeWorker:
		fmt.Println("working")
		err = a.Worker(ctx)
	default:
		err = a.Serve(ctx)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// processOf starts Zeblit as a process of its own, and returns the line that says
// that it is ready and what kills it as a power cut would.
func processOf(t *testing.T, cfg config.Config, mode string) (line string, kill func()) {
	t.Helper()
	encoded, err := json.Marshal(cfg)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processVariable+"="+mode+" "+string(encoded))
	cmd.Stderr = testWriter{t}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	dead := false
	kill = func() {
		if !dead {
			dead = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	line, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line), kill
}

// process starts a server that also works.
func process(t *testing.T, cfg config.Config) (s *system, kill func()) {
	t.Helper()
	url, kill := processOf(t, cfg, modeServe)
	return &system{url: url, key: ownerKey(t, cfg)}, kill
}

func TestARunGoesOnAfterKill9(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		var begun atomic.Bool
		model := llmtest.NewServer(t, llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			switch {
			case !begun.Swap(true):
				return llmtest.Reply{llmtest.Say("I begin"), llmtest.Hang()}
			case len(q.Results()) == 0:
				return llmtest.Reply{llmtest.Say("Again. "), llmtest.Call("write_file", map[string]any{"path": "index.html", "text": todo})}
			}
			return llmtest.Reply{llmtest.Say("Done.")}
		}))
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		s, kill := process(t, cfg)
		project := s.newProject(t, "Killed")
		w := s.watch(t, s.key, project, "start")
		s.send(t, project, "Build a to-do list page")
		var seen []received
		for {
			e, ok := w.next(t)
			require.True(t, ok, w.fail)
			seen = append(seen, e)
			if e.Type == "MessageDelta" {
				break
			}
		}
		kill()

		s, _ = process(t, cfg)
		rest := s.watch(t, s.key, project, seen[len(seen)-1].Cursor).untilEnd(t)
		require.Equal(t, "SUCCEEDED", rest[len(rest)-1].State)
		require.Equal(t, append(seen, rest...), s.watch(t, s.key, project, "start").untilEnd(t))
		var interrupted int
		for _, e := range rest {
			if e.Type == "MessageCompleted" && strings.Contains(e.raw, `"I begin"`) {
				require.Contains(t, e.raw, `"INTERRUPTED"`)
				interrupted++
			}
		}
		require.Equal(t, 1, interrupted)
		data := s.do(t, `query($p: ID!) { project(id: $p) { file(path: "index.html") { text } } }`, object{"p": project})
		require.Equal(t, todo, data["project"].(object)["file"].(object)["text"])
	})
}
