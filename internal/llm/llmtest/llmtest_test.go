package llmtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post sends messages to either vendor's endpoint and returns the status and the body.
func post(t *testing.T, srv *llmtest.Server, vendor llmtest.Vendor, messages string) (int, string) {
	t.Helper()
	url := srv.AnthropicURL() + "/v1/messages"
	if vendor == llmtest.OpenAI {
		url = srv.OpenAIURL() + "/chat/completions"
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url,
		strings.NewReader(`{"model":"m","max_tokens":9,"stream":true,"messages":`+messages+`}`))
	require.NoError(t, err)
	req.Header.Set("X-Api-Key", "k")
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func TestInvalidTranscriptsAreRefused(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Say("used once"))
	const (
		call   = `{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"f","input":{}}]}`
		hello  = `{"role":"user","content":"hi"}`
		result = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}`
		ocall  = `{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	)
	for _, c := range []struct {
		vendor   llmtest.Vendor
		messages string
		want     string
	}{
		{llmtest.Anthropic, `[]`, "at least one message"},
		{llmtest.Anthropic, `[` + hello + `,` + hello + `]`, "alternate"},
		{llmtest.Anthropic, `[{"role":"assistant","content":"hi"}]`, "alternate"},
		{llmtest.Anthropic, `[{"role":"user","content":""}]`, "non-empty"},
		{llmtest.Anthropic, `[{"role":"user","content":[{"type":"text","text":""}]}]`, "non-empty"},
		{llmtest.Anthropic, `[` + hello + `,{"role":"assistant","content":"hi"}]`, "last message"},
		{llmtest.Anthropic, `[` + hello + `,` + call + `]`, "without `tool_result` blocks immediately after: a, b"},
		{llmtest.Anthropic, `[` + hello + `,` + call + `,` + hello + `]`, "without `tool_result` blocks immediately after: a, b"},
		{llmtest.Anthropic, `[` + hello + `,` + call + `,` + result + `]`, "immediately after: b"},
		{llmtest.Anthropic, `[` + result + `]`, "unexpected `tool_use_id`"},
		{llmtest.Anthropic, `[{"role":"user","content":[{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"a"}]}]`, "before text"},
		{llmtest.OpenAI, `[` + hello + `,` + ocall + `,` + hello + `]`, "must be followed by tool messages"},
		{llmtest.OpenAI, `[{"role":"tool","tool_call_id":"a","content":"x"}]`, "must be a response to a preceding message"},
		{llmtest.OpenAI, `[` + hello + `,{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]},{"role":"tool","tool_call_id":"a","content":"x"}]`, "valid dictionary"},
		{llmtest.OpenAI, `{`, "not valid"},
	} {
		status, body := post(t, srv, c.vendor, c.messages)
		require.Equal(t, http.StatusBadRequest, status, c.messages)
		var got struct{ Error struct{ Message string } }
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.Contains(t, got.Error.Message, c.want)
	}
	require.Equal(t, 1, srv.Left(), "a refused request uses up no answer")
	require.Contains(t, srv.Requests()[1].Refused, "alternate")
	status, body := post(t, srv, llmtest.OpenAI, `[{"role":"system","content":"s"},`+hello+`,`+ocall+`,{"role":"tool","tool_call_id":"a","content":"x"},`+hello+`]`)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "used once")
}

// fakeTB notes what a test would be told.
type fakeTB struct {
	cleanup []func()
	errors  int
}

func (f *fakeTB) Helper()               {}
func (f *fakeTB) Cleanup(c func())      { f.cleanup = append(f.cleanup, c) }
func (f *fakeTB) Errorf(string, ...any) { f.errors++ }

func TestBeyondTheScript(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{}
	srv := llmtest.NewServer(tb, llmtest.Say("one"))
	defer func() { tb.cleanup[0]() }()
	const hello = `[{"role":"user","content":"hi"}]`
	status, _ := post(t, srv, llmtest.Anthropic, hello)
	require.Equal(t, http.StatusOK, status)
	status, body := post(t, srv, llmtest.Anthropic, hello)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body, "no answer left")
	require.Equal(t, 1, tb.errors)
	srv.Add(llmtest.Func(func(q llmtest.Request) llmtest.Reply { return llmtest.Reply{llmtest.Say(q.LastText())} }))
	for range 3 {
		_, body = post(t, srv, llmtest.Anthropic, hello)
		require.Contains(t, body, "hi", "a Func is never used up")
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	srv := llmtest.Start(llmtest.Reply{llmtest.Say("a"), llmtest.Hang()}, llmtest.Reply{llmtest.Slow(time.Hour), llmtest.Say("b")})
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.OpenAIURL()+"/chat/completions",
			strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
		require.NoError(t, err)
		res, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		defer func() {
			_, err := io.ReadAll(res.Body)
			require.Error(t, err)
		}()
	}
	began := time.Now()
	srv.Close()
	srv.Close() // again does nothing
	require.Less(t, time.Since(began), time.Minute)
}

// An answer can wait for something that the test does meanwhile.
func TestWait(t *testing.T) {
	t.Parallel()
	ready := make(chan struct{})
	srv := llmtest.NewServer(t, llmtest.Reply{llmtest.Say("a"), llmtest.Wait(ready), llmtest.Say("b")})
	done := make(chan string)
	go func() {
		_, body := post(t, srv, llmtest.OpenAI, `[{"role":"user","content":"hi"}]`)
		done <- body
	}()
	require.Eventually(t, func() bool { return len(srv.Requests()) == 1 }, time.Minute, time.Millisecond)
	close(ready)
	require.Contains(t, <-done, `"content":"b"`)
}
