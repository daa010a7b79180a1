package llmtest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

func joined(parts []string) string { return strings.Join(parts, "") }

// A short stream, lost after each of its bytes, and ended after each seventh: the call
// fails, with the text that came, until the answer is over; then it succeeds, and what
// is lost harms nothing.
func testCutAtEveryByte(t *testing.T, c conformance) {
	t.Parallel()
	whole := Reply{Say("Grüße, ", "all"), CallAs("a", "look", `{"n":1}`)}
	want, _, err := c.run(t, whole)
	require.NoError(t, err)
	for name, way := range map[string]struct {
		end  func(*answer)
		step int
	}{"lost": {(*answer).drop, 1}, "ended": {(*answer).end, 7}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := NewServer(t)
			p := c.provider(srv)
			text, over := "", false
			for n := 1; ; n += way.step {
				var reached atomic.Bool
				srv.Add(append(Reply{stopAfter(n, func(a *answer) { reached.Store(true); way.end(a) })}, whole...))
				res, got, err := Collect(t.Context(), p, Ask("Hello"))
				require.Equal(t, joined(got), res.Text, n)
				require.True(t, strings.HasPrefix(want.Text, res.Text) && strings.HasPrefix(res.Text, text), n)
				text = res.Text
				if err == nil {
					over = true
					if c.vendor == OpenAI && res.Usage == (llm.Usage{}) {
						res.Usage = want.Usage // which comes after the answer, if it does
					}
					require.Equal(t, want, res, n)
				} else {
					require.False(t, over, "after fewer than %d bytes the answer was over", n)
					require.True(t, llm.Retryable(failed(t, err, llm.KindCut)), n)
					require.Empty(t, res.ToolCalls, n)
				}
				if !reached.Load() {
					require.True(t, over, "the whole stream is a whole answer")
					require.Greater(t, n, 300, "bytes were tried")
					return
				}
			}
		})
	}
}

// stream is all that the server sends for an answer.
func stream(t *testing.T, c conformance, answer Reply) string {
	t.Helper()
	srv := NewServer(t, answer)
	target := srv.Target()
	var all strings.Builder
	target.Client = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		res, err := srv.Client().Transport.RoundTrip(req)
		if err == nil {
			raw, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			all.Write(raw)
			res.Body = io.NopCloser(strings.NewReader(string(raw)))
		}
		return res, err
	})}
	_, _, err := Collect(t.Context(), c.newProvider(target), Ask("Hello"))
	require.NoError(t, err)
	return all.String()
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// played is a client to whom a stream is played: its parts, with a pause after each.
func played(parts []string, pause time.Duration, playing *sync.WaitGroup) *http.Client {
	return &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		r, w := io.Pipe()
		stop := context.AfterFunc(req.Context(), func() { _ = r.CloseWithError(req.Context().Err()) })
		playing.Go(func() {
			defer stop()
			for _, part := range parts {
				if _, err := io.WriteString(w, part); err != nil {
					return
				}
				time.Sleep(pause)
			}
			_ = w.Close()
		})
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r, Request: req}, nil
	})}
}

// A vendor that pauses is waited for as long as the limits say, and no longer.
func testStall(t *testing.T, c conformance) {
	answer := stream(t, c, Reply{Say("one, ", "two, ", "three")})
	middle := strings.Index(answer, "two")
	for name, trial := range map[string]struct {
		parts []string
		pause time.Duration
		text  string
		took  time.Duration // when it is ended for its silence
	}{
		"10 s before the stream": {[]string{"", answer}, 10 * time.Second, "one, two, three", 0},
		"10 s in it":             {[]string{answer[:middle], answer[middle:]}, 10 * time.Second, "one, two, three", 0},
		"10 s after each event":  {strings.SplitAfter(answer, "\n\n"), 10 * time.Second, "one, two, three", 0},
		"an hour after it":       {[]string{strings.TrimSuffix(answer, "data: [DONE]\n\n")}, time.Hour, "one, two, three", 0},
		"16 s before the stream": {[]string{"", answer}, 16 * time.Second, "", 15 * time.Second},
		"16 s in it":             {[]string{answer[:middle], answer[middle:]}, 16 * time.Second, "one, ", 15 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var playing sync.WaitGroup
			target := Target{
				URL: "http://model", Key: Secret, Client: played(trial.parts, trial.pause, &playing),
				Limits: wire.Limits{First: 15 * time.Second, Between: 15 * time.Second, Event: 25 * time.Second},
			}
			began := time.Now()
			res, got, err := Collect(context.Background(), c.newProvider(target), Ask("Hello"))
			took := time.Since(began)
			playing.Wait()
			require.Equal(t, trial.text, joined(got), name)
			require.Equal(t, trial.text, res.Text, name)
			if trial.took == 0 {
				require.NoError(t, err, name)
				require.LessOrEqual(t, took, 10*time.Duration(len(trial.parts))*time.Second, name)
				return
			}
			require.Contains(t, failed(t, err, llm.KindCut).Message, "nothing was received for 15s", name)
			require.Equal(t, trial.took, took, name)
		})
	}
}

// Without limits of one's own, a chat may be silent for longer at first: servers load a
// model then.
func testFirstByte(t *testing.T, c conformance) {
	answer := stream(t, c, Say("x").reply(Request{}))
	synctest.Test(t, func(t *testing.T) {
		var playing sync.WaitGroup
		client := played([]string{"", answer}, 4*time.Minute, &playing)
		began := time.Now()
		_, _, err := Collect(context.Background(), c.newProvider(Target{URL: "http://model", Key: Secret, Client: client}), Ask("Hello"))
		took := time.Since(began)
		playing.Wait()
		if c.vendor == OpenAI {
			require.NoError(t, err)
			return
		}
		_ = failed(t, err, llm.KindCut)
		require.Equal(t, 2*time.Minute, took)
	})
}
