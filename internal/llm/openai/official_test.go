package openai_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

// redirected sends what is meant for OpenAI to a server of the test's.
type redirected struct{ to *llmtest.Server }

func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	to, err := url.Parse(r.to.AnthropicURL())
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	if req.URL.Scheme+req.URL.Host == "httpsapi.openai.com" {
		req.URL.Scheme, req.URL.Host = to.Scheme, to.Host
	}
	return r.to.Client().Transport.RoundTrip(req)
}

// official is OpenAI itself, for all that the provider knows.
func official(srv *llmtest.Server, api openai.API) *openai.Provider {
	return openai.New(openai.Options{APIKey: "k", API: api, HTTPClient: &http.Client{Transport: redirected{srv}}})
}

func TestWhichAPI(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options openai.Options
		want    llmtest.Vendor
	}{
		"OpenAI itself":            {openai.Options{}, llmtest.OpenAIResponses},
		"OpenAI, spelled out":      {openai.Options{BaseURL: "https://api.openai.com/v1/"}, llmtest.OpenAIResponses},
		"OpenAI, by the other":     {openai.Options{API: openai.Chat}, llmtest.OpenAI},
		"another server":           {openai.Options{BaseURL: "test server"}, llmtest.OpenAI},
		"another, that knows both": {openai.Options{BaseURL: "test server", API: openai.Responses}, llmtest.OpenAIResponses},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := llmtest.NewServer(t, llmtest.Say("ok"))
			if c.options.BaseURL == "test server" {
				c.options.BaseURL = srv.OpenAIURL()
			}
			c.options.APIKey, c.options.HTTPClient = "k", &http.Client{Transport: redirected{srv}}
			_, _, err := llmtest.Collect(t.Context(), openai.New(c.options), llmtest.Ask("Hello"))
			require.NoError(t, err)
			require.Equal(t, c.want, srv.Requests()[0].Vendor)
		})
	}
}

func TestEffort(t *testing.T) {
	t.Parallel()
	half := 0.5
	for _, c := range []struct {
		api         openai.API
		model       string
		effort      llm.Effort
		tools       bool
		want        string
		temperature bool
	}{
		{openai.Responses, "gpt-5.6-terra", llm.EffortDefault, true, "", false},
		{openai.Responses, "gpt-5.6-terra", llm.EffortHigh, true, "high", false},
		{openai.Responses, "gpt-5.6-terra", llm.EffortMinimal, true, "low", false},
		{openai.Responses, "gpt-5-mini-2025-08-07", llm.EffortMinimal, true, "minimal", false},
		{openai.Responses, "gpt-5", llm.EffortMedium, false, "medium", false},
		{openai.Responses, "o4-mini", llm.EffortMinimal, false, "low", false},
		{openai.Responses, "gpt-4.1", llm.EffortHigh, true, "", true},
		{openai.Chat, "gpt-5", llm.EffortLow, true, "low", false},
		{openai.Chat, "gpt-5.6-terra", llm.EffortHigh, true, "none", false},
		{openai.Chat, "gpt-5.6-terra", llm.EffortHigh, false, "high", false},
	} {
		srv := llmtest.NewServer(t, llmtest.Say("ok"))
		req := llmtest.Ask("Hello")
		req.Model, req.Effort, req.Temperature = c.model, c.effort, &half
		if c.tools {
			req.Tools = []llm.Tool{llmtest.Tool("look")}
		}
		_, _, err := llmtest.Collect(t.Context(), official(srv, c.api), req)
		require.NoError(t, err)
		got := srv.Requests()[0]
		require.Equal(t, c.want, got.Effort, "%s %s", c.model, c.effort)
		require.Equal(t, c.temperature, got.Temperature != nil, c.model)
	}
}

// Servers that aren't OpenAI's know their efforts, and take temperatures.
func TestEffortElsewhere(t *testing.T) {
	t.Parallel()
	half := 0.5
	srv := llmtest.NewServer(t, llmtest.Say("ok"))
	req := llmtest.Ask("Hello")
	req.Model, req.Effort, req.Temperature = "gemini-3.6-flash", llm.EffortMinimal, &half
	_, _, err := llmtest.Collect(t.Context(), newProvider(srv), req)
	require.NoError(t, err)
	require.Equal(t, "minimal", srv.Requests()[0].Effort)
	require.Equal(t, &half, srv.Requests()[0].Temperature)
}

// What is sent to OpenAI stays nowhere, and its reasoning is asked for where there is any.
func TestNothingIsStored(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Say("ok"), llmtest.Say("ok"))
	var body struct {
		Store   *bool
		Include []string
	}
	for i, c := range []struct {
		model   string
		include []string
	}{{"gpt-5.6-terra", []string{"reasoning.encrypted_content"}}, {"gpt-4.1", nil}} {
		req := llmtest.Ask("Hello")
		req.Model = c.model
		_, _, err := llmtest.Collect(t.Context(), official(srv, ""), req)
		require.NoError(t, err)
		body.Include = nil
		require.NoError(t, json.Unmarshal(srv.Requests()[i].Body, &body))
		require.NotNil(t, body.Store)
		require.False(t, *body.Store)
		require.Equal(t, c.include, body.Include)
	}
}
