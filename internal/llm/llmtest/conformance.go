package llmtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
)

// Secret is the key that Conformance wants its providers to be made with.
const Secret = "sk-conformance-0123456789abcdef"

// Conformance is what every vendor's provider must pass. newProvider makes one that
// talks to srv, with srv.Client() and Secret for its key.
func Conformance(t *testing.T, newProvider func(srv *Server) llm.Provider) {
	c := conformance{newProvider}
	for name, test := range map[string]func(*testing.T, conformance){
		"Text":                    testText,
		"Request":                 testRequest,
		"ToolCalls":               testToolCalls,
		"StopReasons":             testStopReasons,
		"Usage":                   testUsage,
		"Failures":                testFailures,
		"NoConnection":            testNoConnection,
		"StreamErrors":            testStreamErrors,
		"Cut":                     testCut,
		"Cancel":                  testCancel,
		"OnTextError":             testOnTextError,
		"MalformedToolInput":      testMalformedToolInput,
		"NotAStream":              testNotAStream,
		"EnvironmentIsNotRead":    testEnvironment,
		"ConversationsInParallel": testParallel,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

type conformance struct {
	newProvider func(srv *Server) llm.Provider
}

// run makes one call against a fresh server and returns what onText was given.
func (c conformance) run(t *testing.T, script ...Script) (llm.Response, []string, error) {
	t.Helper()
	srv := NewServer(t, script...)
	return Collect(t.Context(), c.newProvider(srv), Ask("Hello"))
}

// Ask is a request with a single message of the user's.
func Ask(text string) llm.Request {
	return llm.Request{Model: "test-model", Messages: []llm.Message{{Role: llm.RoleUser, Text: text}}}
}

// Collect makes a call and gathers the pieces of its text.
func Collect(ctx context.Context, p llm.Provider, req llm.Request) (llm.Response, []string, error) {
	var got []string
	res, err := p.Stream(ctx, req, func(s string) error {
		got = append(got, s)
		return nil
	})
	return res, got, err
}

// Tool is a tool with one string argument, "path".
func Tool(name string) llm.Tool {
	return llm.Tool{
		Name:        name,
		Description: "Does " + name + ".",
		InputSchema: json.RawMessage(`{"type":"object","properties":{"path":{"type":"string","description":"a <path>"}},"required":["path"],"additionalProperties":false}`),
	}
}

func testText(t *testing.T, c conformance) {
	t.Parallel()
	deltas := []string{"Hel", "lo, ", "wörld ", "🌍\n", "\"quoted\" <b>&amp;</b>"}
	res, got, err := c.run(t, Say(deltas...))
	require.NoError(t, err)
	require.Equal(t, deltas, got, "each delta is handed on as it came")
	require.Equal(t, "Hello, wörld 🌍\n\"quoted\" <b>&amp;</b>", res.Text)
	require.Equal(t, llm.StopEnd, res.StopReason)
	require.Equal(t, "test-model", res.Model)
	require.Empty(t, res.ToolCalls)

	res, got, err = c.run(t, Reply{})
	require.NoError(t, err, "an empty answer is one")
	require.Empty(t, got)
	require.Equal(t, llm.StopEnd, res.StopReason)
}

func testRequest(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Func(func(Request) Reply { return Reply{Say("ok")} }))
	p := c.newProvider(srv)
	temperature := 0.25
	req := Ask("Build <it> & \"run\" it")
	req.System, req.Tools, req.MaxOutputTokens, req.Temperature = "Be brief.", []llm.Tool{Tool("read_file"), Tool("list")}, 1234, &temperature
	_, _, err := Collect(t.Context(), p, req)
	require.NoError(t, err)
	req.Model = ""
	_, _, err = Collect(t.Context(), p, req)
	require.NoError(t, err)

	got := srv.Requests()
	require.Len(t, got, 2)
	require.Equal(t, "test-model", got[0].Model)
	require.Equal(t, p.DefaultModel(), got[1].Model, "an empty model is the default")
	require.Equal(t, Secret, got[0].Key)
	require.Equal(t, "Be brief.", got[0].System)
	require.Equal(t, req.Messages, got[0].Messages)
	require.Equal(t, 1234, got[0].MaxTokens)
	require.Equal(t, &temperature, got[0].Temperature)
	require.Len(t, got[0].Tools, 2)
	require.Equal(t, "read_file", got[0].Tools[0].Name)
	require.Equal(t, "Does read_file.", got[0].Tools[0].Description)
	require.JSONEq(t, string(req.Tools[0].InputSchema), string(got[0].Tools[0].InputSchema))
}

func testToolCalls(t *testing.T, c conformance) {
	t.Parallel()
	page := map[string]any{"path": "a.html", "text": "<p>ü \"x\" \\ \n\t😀</p>"}
	srv := NewServer(t,
		Reply{Say("Let me ", "look."), Call("write_file", page), Call("list_files", nil)},
		Reply{Say("Another."), Call("read_file", map[string]any{"path": "a.html"})},
		Reply{Call("read_file", map[string]any{"path": "b.html"})},
		Say("Done."),
	)
	p := c.newProvider(srv)
	req := Ask("Go")
	req.Tools = []llm.Tool{Tool("write_file"), Tool("list_files"), Tool("read_file")}

	ids := map[string]bool{}
	turn := func() llm.Response {
		res, _, err := Collect(t.Context(), p, req)
		require.NoError(t, err)
		answer := llm.Message{Role: llm.RoleUser}
		for i, call := range res.ToolCalls {
			require.NotEmpty(t, call.ID)
			require.False(t, ids[call.ID], "ids are unique in the transcript")
			ids[call.ID] = true
			text := "line one\n  line <two>"
			if i == 1 {
				text = "" // results may be empty
			}
			answer.ToolResults = append(answer.ToolResults, llm.ToolResult{CallID: call.ID, Text: text, IsError: i == 0})
		}
		req.Messages = append(req.Messages,
			llm.Message{Role: llm.RoleAssistant, Text: res.Text, ToolCalls: res.ToolCalls, Carry: res.Carry})
		if len(res.ToolCalls) > 0 {
			req.Messages = append(req.Messages, answer)
		}
		return res
	}

	res := turn()
	require.Equal(t, llm.StopToolCalls, res.StopReason)
	require.Equal(t, "Let me look.", res.Text)
	require.Len(t, res.ToolCalls, 2)
	require.Equal(t, "write_file", res.ToolCalls[0].Name)
	want, err := json.Marshal(page)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(res.ToolCalls[0].Input))
	require.Equal(t, "list_files", res.ToolCalls[1].Name)
	require.JSONEq(t, "{}", string(res.ToolCalls[1].Input))

	require.Len(t, turn().ToolCalls, 1)
	req.Messages[len(req.Messages)-1].Text = "By the way: hurry." // results and words of the user in one message
	require.Empty(t, turn().Text)
	require.Equal(t, "Done.", turn().Text)

	last := srv.Requests()[3]
	require.Empty(t, last.Refused)
	require.Len(t, last.Messages, 7)
	require.Equal(t, "Let me look.", last.Messages[1].Text)
	require.Equal(t, "write_file", last.Messages[1].ToolCalls[0].Name)
	require.JSONEq(t, string(want), string(last.Messages[1].ToolCalls[0].Input))
	require.Len(t, last.Messages[2].ToolResults, 2)
	require.Contains(t, last.Messages[2].ToolResults[0].Text, "line one\n  line <two>")
	require.Equal(t, "By the way: hurry.", last.Messages[4].Text)
}

func testStopReasons(t *testing.T, c conformance) {
	t.Parallel()
	for _, want := range []llm.StopReason{llm.StopEnd, llm.StopLength, llm.StopRefusal} {
		res, _, err := c.run(t, Reply{Say("x"), Stop(want)})
		require.NoError(t, err)
		require.Equal(t, want, res.StopReason)
	}
}

func testUsage(t *testing.T, c conformance) {
	t.Parallel()
	want := llm.Usage{InputTokens: 120, OutputTokens: 45, CacheReadTokens: 3000, CacheWriteTokens: 70, ReasoningTokens: 12}
	res, _, err := c.run(t, Reply{Say("x"), Usage(want)})
	require.NoError(t, err)
	require.Equal(t, want, res.Usage)
}

// failed asserts the kind of an error and that it doesn't show the key.
func failed(t *testing.T, err error, kind llm.Kind) *llm.Error {
	t.Helper()
	e, ok := errors.AsType[*llm.Error](err)
	require.Truef(t, ok, "an *llm.Error, not %T: %v", err, err)
	require.Equal(t, kind, e.Kind, e.Error())
	require.NotEmpty(t, e.Message)
	require.NotContains(t, e.Error(), Secret)
	return e
}

func testFailures(t *testing.T, c conformance) {
	t.Parallel()
	for name, f := range map[string]struct {
		step  Step
		kind  llm.Kind
		after time.Duration
	}{
		"429":            {Status(429, 7*time.Second), llm.KindOverloaded, 7 * time.Second},
		"503":            {Status(503), llm.KindOverloaded, 0},
		"529":            {Status(529, 1500*time.Millisecond), llm.KindOverloaded, 1500 * time.Millisecond},
		"408":            {Status(408), llm.KindUnavailable, 0},
		"500":            {Status(500), llm.KindUnavailable, 0},
		"502 of a proxy": {Body(502, "text/html", "<html>bad gateway</html>"), llm.KindUnavailable, 0},
		"504 empty":      {Body(504, "", ""), llm.KindUnavailable, 0},
		"401":            {Refuse(401, "", "invalid key "+Secret), llm.KindAuth, 0},
		"403":            {Status(403), llm.KindAuth, 0},
		"413":            {Status(413), llm.KindTooLarge, 0},
		"too long":       {Refuse(400, "", "prompt is too long: 210000 tokens > 200000 maximum"), llm.KindTooLarge, 0},
		"context length": {Refuse(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens."), llm.KindTooLarge, 0},
		"no credit":      {Refuse(429, "insufficient_quota", "You exceeded your current quota."), llm.KindAuth, 0},
		"400":            {Status(400), llm.KindBadRequest, 0},
		"404":            {Refuse(404, "", "model not found"), llm.KindBadRequest, 0},
		"409":            {Status(409), llm.KindBadRequest, 0},
		"error string":   {Body(400, "application/json", `{"error":"model \"x\" not found"}`), llm.KindBadRequest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := NewServer(t, f.step)
			_, got, err := Collect(t.Context(), c.newProvider(srv), Ask("Hello"))
			require.Empty(t, got)
			require.Equal(t, f.after, failed(t, err, f.kind).RetryAfter)
			require.Len(t, srv.Requests(), 1, "retrying is the engine's")
		})
	}
}

func testNoConnection(t *testing.T, c conformance) {
	t.Parallel()
	_, _, err := c.run(t, Drop())
	_ = failed(t, err, llm.KindUnavailable)

	srv := Start()
	p := c.newProvider(srv)
	srv.Close()
	_, _, err = Collect(t.Context(), p, Ask("Hello"))
	require.Zero(t, failed(t, err, llm.KindUnavailable).Status)
}

func testStreamErrors(t *testing.T, c conformance) {
	t.Parallel()
	for name, kind := range map[string]llm.Kind{
		"overloaded_error":      llm.KindOverloaded,
		"rate_limit_error":      llm.KindOverloaded,
		"api_error":             llm.KindUnavailable,
		"authentication_error":  llm.KindAuth,
		"invalid_request_error": llm.KindBadRequest,
	} {
		_, got, err := c.run(t, Reply{Say("so ", "far"), StreamError(name)})
		_ = failed(t, err, kind)
		require.Equal(t, []string{"so ", "far"}, got)
	}
}

func testCut(t *testing.T, c conformance) {
	t.Parallel()
	call := Call("write_file", map[string]any{"path": "a", "text": "0123456789"})
	for name, r := range map[string]Reply{
		"dropped at once":     {Say("a", "b"), Cut(0)},
		"dropped in the text": {Say("a", "b", "c"), Cut(2)},
		"dropped at the end":  {Say("a", "b"), Cut(2)},
		"dropped in a call":   {Say("a", "b"), call, Cut(4)},
		"ended in the text":   {Say("a", "b", "c"), Truncate(2)},
		"ended in a call":     {Say("a", "b"), call, Truncate(4)},
		"ended at the end":    {Say("a", "b"), call, Truncate(6)},
	} {
		_, got, err := c.run(t, r)
		e := failed(t, err, llm.KindCut)
		require.True(t, llm.Retryable(e), name)
		if name != "dropped at once" {
			require.Equal(t, []string{"a", "b"}, got, name)
		}
	}
}

func testCancel(t *testing.T, c conformance) {
	t.Parallel()
	for name, r := range map[string]Reply{
		"while it waits":   {Hang()},
		"while it streams": {Say("a"), Slow(time.Hour), Say("b")},
	} {
		srv := NewServer(t, r)
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		began := time.Now()
		_, _, err := Collect(ctx, c.newProvider(srv), Ask("Hello"))
		timer.Stop()
		cancel()
		require.ErrorIs(t, err, context.Canceled, name)
		require.Less(t, time.Since(began), 5*time.Second, name)
	}
	srv := NewServer(t, Reply{Say("a"), Hang()})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := Collect(ctx, c.newProvider(srv), Ask("Hello"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func testOnTextError(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Reply{Say("a", "b"), Hang()})
	stop := errors.New("the lease is lost")
	var got []string
	_, err := c.newProvider(srv).Stream(t.Context(), Ask("Hello"), func(s string) error {
		got = append(got, s)
		if s == "b" {
			return stop
		}
		return nil
	})
	require.Same(t, stop, err)
	require.Equal(t, []string{"a", "b"}, got)
}

func testMalformedToolInput(t *testing.T, c conformance) {
	t.Parallel()
	_, _, err := c.run(t, Reply{Say("x"), Call("write_file", json.RawMessage(`["not an object"]`))})
	require.Contains(t, failed(t, err, llm.KindGarbled).Message, "write_file")

	res, _, err := c.run(t, Reply{Say("x"), Call("read_file", nil), Call("write_file", json.RawMessage(`"cut`+`"`)), Stop(llm.StopLength)})
	require.NoError(t, err)
	require.Equal(t, llm.StopLength, res.StopReason)
	require.Len(t, res.ToolCalls, 1, "a call that the limit cut in two is not one")
}

func testNotAStream(t *testing.T, c conformance) {
	t.Parallel()
	for _, step := range []Step{
		Body(200, "text/html", "<h1>Welcome</h1>"),
		Body(200, "application/json", `{"id":"x","choices":[]}`),
		Body(http.StatusFound, "", ""),
	} {
		_, _, err := c.run(t, step)
		_ = failed(t, err, llm.KindBadResponse)
	}
	_, _, err := c.run(t, Raw("event: content_block_delta\ndata: {oops\n\n"))
	_ = failed(t, err, llm.KindGarbled)
}

func testEnvironment(t *testing.T, c conformance) {
	for _, name := range []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"} {
		t.Setenv(name, "from-the-environment")
	}
	for _, name := range []string{"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"} {
		t.Setenv(name, "http://127.0.0.1:1/")
	}
	t.Setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Custom: from-the-environment")
	t.Setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: from-the-environment")
	srv := NewServer(t, Say("ok"))
	_, _, err := Collect(t.Context(), c.newProvider(srv), Ask("Hello"))
	require.NoError(t, err)
	require.Equal(t, Secret, srv.Requests()[0].Key)
	for _, values := range srv.Requests()[0].Header {
		require.NotContains(t, values, "from-the-environment")
	}
}

func testParallel(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Func(func(q Request) Reply { return Reply{Say("you said ", q.LastText())} }))
	p := c.newProvider(srv)
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
