package anthropic_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestTheVendorCounts(t *testing.T) {
	t.Parallel()
	model := llmtest.NewServer(t)
	p := anthropic.New(anthropic.Options{APIKey: llmtest.Secret, BaseURL: model.AnthropicURL(), HTTPClient: model.Client()})
	req := llm.Request{
		System: "You build.", Messages: []llm.Message{{Role: llm.RoleUser, Text: "hello"}}, MaxOutputTokens: 100,
		Tools: []llm.Tool{{Name: "read_file", InputSchema: json.RawMessage(`{"type":"object"}`)}},
	}
	_, err := p.CountTokens(t.Context(), req)
	require.Error(t, err, "a server that doesn't count says so")

	var asked map[string]any
	model.Counts(func(key string, body []byte) (int, string) {
		require.Equal(t, llmtest.Secret, key)
		require.NoError(t, json.Unmarshal(body, &asked))
		return http.StatusOK, `{"input_tokens": 42}`
	})
	n, err := p.CountTokens(t.Context(), req)
	require.NoError(t, err)
	require.EqualValues(t, 42, n)
	require.Equal(t, p.DefaultModel(), asked["model"])
	require.Contains(t, asked, "system")
	require.Contains(t, asked, "messages")
	require.Contains(t, asked, "tools")
	require.NotContains(t, asked, "max_tokens", "the vendor refuses it here")
	require.NotContains(t, asked, "stream")

	for _, c := range []struct {
		status int
		body   string
	}{{http.StatusUnauthorized, `{"error":{"message":"bad key ` + llmtest.Secret + `"}}`}, {http.StatusOK, "<html>"}, {http.StatusOK, `{"input_tokens":0}`}} {
		model.Counts(func(string, []byte) (int, string) { return c.status, c.body })
		_, err := p.CountTokens(t.Context(), req)
		require.Error(t, err, c.body)
		require.NotContains(t, err.Error(), llmtest.Secret)
	}
}
