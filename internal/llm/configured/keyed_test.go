package configured_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// A key that somebody brings goes where the settings say, and nothing else changes.
func TestAKeyOfOnesOwnIsUsedAtTheConfiguredAddress(t *testing.T) {
	t.Parallel()
	model := llmtest.NewServer(t)
	o := configured.Options{
		AnthropicKey: "theirs", AnthropicBaseURL: model.AnthropicURL(), AnthropicModel: "claude",
		OpenAIBaseURL: model.OpenAIURL(), OpenAIModel: "gpt",
		GeminiBaseURL: model.OpenAIURL(),
		Servers:       []configured.ServerOptions{{Name: "vllm", URL: model.OpenAIURL(), Key: "theirs", Models: []string{"qwen"}}},
		OllamaURL:     model.OpenAIURL(), HTTPClient: model.Client(),
	}
	require.Equal(t, []string{"anthropic", "openai", "gemini", "vllm"}, o.Names())
	for i, name := range o.Names() {
		s, ok := o.WithKey(name, "mine")
		require.True(t, ok)
		require.Equal(t, name, s.Name)
		model.Add(llmtest.Say("Hello."))
		_, err := s.Provider.Stream(t.Context(), llm.OneToken(), func(string) error { return nil })
		require.NoError(t, err)
		require.Equal(t, "mine", model.Requests()[i].Key)
		require.Equal(t, s.Default, model.Requests()[i].Model)
		require.Implements(t, (*llm.Checker)(nil), s.Provider)
	}
	for _, name := range []string{"", "ollama", "demo", "Anthropic"} {
		_, ok := o.WithKey(name, "mine")
		require.False(t, ok, name)
	}
	require.Equal(t, "theirs", o.AnthropicKey)
	require.Equal(t, "theirs", o.Servers[0].Key)
}
