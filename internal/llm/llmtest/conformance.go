package llmtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// Secret is the key that Conformance wants its providers to be made with.
const Secret = "sk-conformance-0123456789abcdef"

// Target is what a provider under test is made with.
type Target struct {
	URL    string
	Key    string
	Client *http.Client
	Limits wire.Limits
}

// Target is the server's.
func (s *Server) Target() Target {
	return Target{URL: s.AnthropicURL(), Key: Secret, Client: s.Client()}
}

// Conformance is what every vendor's provider must pass, whose calls are in the format
// of vendor.
func Conformance(t *testing.T, vendor Vendor, newProvider func(Target) llm.Provider) {
	c := conformance{vendor, newProvider}
	for name, test := range map[string]func(*testing.T, conformance){
		"Text":                    testText,
		"Request":                 testRequest,
		"Images":                  testImages,
		"ToolCalls":               testToolCalls,
		"ForeignIDs":              testForeignIDs,
		"StopReasons":             testStopReasons,
		"Usage":                   testUsage,
		"Faults":                  testFaults,
		"CutAtEveryByte":          testCutAtEveryByte,
		"Stall":                   testStall,
		"FirstByte":               testFirstByte,
		"Retry":                   testRetry,
		"Cancel":                  testCancel,
		"OnTextError":             testOnTextError,
		"EnvironmentIsNotRead":    testEnvironment,
		"ConversationsInParallel": testParallel,
		"Check":                   testCheck,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

type conformance struct {
	vendor      Vendor
	newProvider func(Target) llm.Provider
}

// provider is one that talks to srv.
func (c conformance) provider(srv *Server) llm.Provider { return c.newProvider(srv.Target()) }

// run makes one call against a fresh server and returns what onText was given.
func (c conformance) run(t *testing.T, script ...Script) (llm.Response, []string, error) {
	t.Helper()
	return Collect(t.Context(), c.provider(NewServer(t, script...)), Ask("Hello"))
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
