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

// Who tries again as llm.Backoff says gets the whole answer in the end, once.
func testRetry(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t,
		Status(429, time.Millisecond),
		Drop(),
		Reply{Say("one, "), Cut(1)},
		Reply{Say("one, "), StreamError("overloaded_error")},
		Reply{Say("one, "), Broken("{oops")},
		Reply{Say("one, "), CallAs("a", "look", "{")},
		Reply{Say("one, ", "two"), Call("look", nil)},
	)
	p, backoff := c.provider(srv), llm.Backoff{Base: time.Millisecond, Max: time.Millisecond, Attempts: 7}
	for attempt := 1; ; attempt++ {
		res, got, err := Collect(t.Context(), p, Ask("Hello"))
		require.Equal(t, joined(got), res.Text)
		wait, again := backoff.Next(attempt, err)
		if again {
			time.Sleep(wait)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "one, two", res.Text)
		require.Len(t, res.ToolCalls, 1)
		require.Equal(t, 7, attempt)
		return
	}
}
