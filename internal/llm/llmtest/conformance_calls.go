package llmtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
)

// To cancel closes the vendor's connection, wherever the call is.
func testCancel(t *testing.T, c conformance) {
	t.Parallel()
	for name, r := range map[string]func(reached, left func()) Reply{
		"before an answer": func(reached, left func()) Reply { return Reply{Do(reached), mute(left)} },
		"before its text":  func(reached, left func()) Reply { return Reply{Raw(": begun\n\n"), Do(reached), Hold(nil, left)} },
		"in its text":      func(reached, left func()) Reply { return Reply{Say("a", "b"), Do(reached), Hold(nil, left), Say("c")} },
		"in a tool call": func(reached, left func()) Reply {
			return Reply{Say("a"), CallAs("x", "look", `{"n":1`), Do(reached), Hold(nil, left)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			closed := make(chan struct{})
			srv := NewServer(t, r(cancel, func() { close(closed) }))
			res, got, err := Collect(ctx, c.provider(srv), Ask("Hello"))
			require.Equal(t, context.Canceled, err)
			require.Equal(t, joined(got), res.Text)
			require.Empty(t, res.ToolCalls)
			<-closed // the server has seen it
		})
	}
	srv := NewServer(t, Reply{Say("a"), Hang()})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := Collect(ctx, c.provider(srv), Ask("Hello"))
	require.Equal(t, context.DeadlineExceeded, err)
}

func testOnTextError(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Reply{Say("a", "b"), Hang()})
	stop := errors.New("the lease is lost")
	var got []string
	res, err := c.provider(srv).Stream(t.Context(), Ask("Hello"), func(s string) error {
		got = append(got, s)
		if s == "b" {
			return stop
		}
		return nil
	})
	require.Same(t, stop, err)
	require.Equal(t, []string{"a", "b"}, got)
	require.Equal(t, "ab", res.Text)
}

func testEnvironment(t *testing.T, c conformance) {
	for _, name := range []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"} {
		t.Setenv(name, "from-the-environment")
	}
	for _, name := range []string{"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"} {
		t.Setenv(name, "http://127.0.0.1:1/")
	}
	t.Setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Custom: from-the-environment")
	t.Setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: from-the-environment")
	srv := NewServer(t, Say("ok"))
	_, _, err := Collect(t.Context(), c.provider(srv), Ask("Hello"))
	require.NoError(t, err)
	require.Equal(t, Secret, srv.Requests()[0].Key)
	for _, values := range srv.Requests()[0].Header {
		require.NotContains(t, values, "from-the-environment")
	}
}

func testParallel(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Func(func(q Request) Reply { return Reply{Say("you said ", q.LastText())} }))
	p := c.provider(srv)
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			word := string(rune('a' + i))
			res, _, err := Collect(t.Context(), p, Ask(word))
			if err == nil && res.Text != "you said "+word {
				err = errors.New("another conversation's answer: " + res.Text)
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
}

// Who tries again as llm.Backoff says gets the whole answer in the end, once; or stops
// where it says so.
func testRetry(t *testing.T, c conformance) {
	t.Parallel()
	whole := Reply{Say("one, ", "two"), Call("look", nil)}
	for name, trial := range map[string]struct {
		script []Script
		kind   llm.Kind // of what it fails with in the end
	}{
		"it succeeds": {[]Script{
			Status(429, time.Millisecond),
			Drop(),
			Reply{Say("one, "), Cut(1)},
			Reply{Say("one, "), StreamError("overloaded_error")},
			Reply{Say("one, "), Broken("{oops")},
			Reply{Say("one, "), CallAs("a", "look", "{")},
			whole,
		}, ""},
		"no attempt is left":     {[]Script{Status(503), Drop(), Status(500), Status(429), Status(408), Status(529), Status(503)}, llm.KindOverloaded},
		"it is no use to try on": {[]Script{Status(503), Reply{Say("one, "), Cut(1)}, Status(401)}, llm.KindAuth},
	} {
		srv := NewServer(t, trial.script...)
		p, backoff := c.provider(srv), llm.Backoff{Base: time.Millisecond, Max: time.Millisecond, Attempts: 7}
		for attempt, again := 1, true; again; attempt++ {
			res, got, err := Collect(t.Context(), p, Ask("Hello"))
			require.Equal(t, joined(got), res.Text, name)
			var wait time.Duration
			if wait, again = backoff.Next(attempt, err); again {
				time.Sleep(wait)
				continue
			}
			if trial.kind != "" {
				_ = failed(t, err, trial.kind)
				break
			}
			require.NoError(t, err, name)
			require.Equal(t, "one, two", res.Text, name)
			require.Len(t, res.ToolCalls, 1, name)
		}
		require.Zero(t, srv.Left(), name)
	}
}
