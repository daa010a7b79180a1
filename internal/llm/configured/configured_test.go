package configured_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm/configured"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheFirstConfiguredWins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options     configured.Options
		name, model string
	}{
		{configured.Options{AnthropicKey: "k", AnthropicModel: "m", OpenAIKey: "k"}, "anthropic", "m"},
		{configured.Options{AnthropicModel: "m", OpenAIKey: "k", OpenAIModel: "n"}, "openai", "n"},
		{configured.Options{OpenAIBaseURL: "http://localhost:11434", OpenAIModel: "n"}, "openai", "n"},
		{configured.Options{AnthropicBaseURL: "http://localhost", OpenAIModel: "n"}, "demo", "demo"},
	} {
		p := configured.Choose(c.options)
		require.Equal(t, c.name, p.Name())
		require.Equal(t, c.model, p.DefaultModel())
	}
	require.NotEmpty(t, configured.Choose(configured.Options{AnthropicKey: "k"}).DefaultModel())
	require.NotEmpty(t, configured.Choose(configured.Options{OpenAIKey: "k"}).DefaultModel())
}
