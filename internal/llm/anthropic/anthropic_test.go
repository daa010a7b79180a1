package anthropic_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider(srv *llmtest.Server) llm.Provider { return provider(srv.Target()) }

func provider(to llmtest.Target) llm.Provider {
	return anthropic.New(anthropic.Options{APIKey: to.Key, BaseURL: to.URL, HTTPClient: to.Client, Limits: to.Limits})
}

func TestConformance(t *testing.T) { llmtest.Conformance(t, llmtest.Anthropic, provider) }

// redirected sends what is meant for Anthropic to a server of the test's.
type redirected struct{ to *llmtest.Server }

func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	to, err := url.Parse(r.to.AnthropicURL())
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	if req.URL.Scheme+req.URL.Host == "httpsapi.anthropic.com" {
		req.URL.Scheme, req.URL.Host = to.Scheme, to.Host
	}
	return r.to.Client().Transport.RoundTrip(req)
}

func TestAnthropicItself(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Say("ok"))
	p := anthropic.New(anthropic.Options{APIKey: "k", HTTPClient: &http.Client{Transport: redirected{srv}}})
	require.NoError(t, p.Check(t.Context()))
	_, _, err := llmtest.Collect(t.Context(), p, llmtest.Ask("Hello"))
	require.NoError(t, err)
}
