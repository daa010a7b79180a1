package configured_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func names(servers []configured.Server) []string {
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s.Name
	}
	return out
}

func TestProvidersComeInTheOrderOfPreference(t *testing.T) {
	t.Parallel()
	servers, err := configured.Providers(configured.Options{
		AnthropicKey: "k", OpenAIKey: "k", OpenAIModel: "o", GeminiKey: "k", OllamaURL: "http://127.0.0.1:11434",
		Servers: []configured.ServerOptions{{Name: "vllm", URL: "http://h", Models: []string{"a", "b"}}, {Name: "groq", URL: "http://h"}},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"anthropic", "openai", "gemini", "vllm", "groq", "ollama"}, names(servers))
	for _, s := range servers {
		require.Equal(t, s.Name, s.Provider.Name())
		require.Equal(t, s.Default, s.Provider.DefaultModel())
		require.Equal(t, s.Name == "groq" || s.Name == "ollama", s.List != nil, "%s is asked", s.Name)
	}
	require.NotEmpty(t, servers[0].Default)
	require.Empty(t, servers[0].Models)
	require.Equal(t, "o", servers[1].Default)
	require.Empty(t, servers[1].Models)
	require.Equal(t, configured.GeminiDefault, servers[2].Default)
	require.Equal(t, "a", servers[3].Default)
	require.Equal(t, []string{"a", "b"}, servers[3].Models)
}

func TestTheDemoModelIsThereOnlyAlone(t *testing.T) {
	t.Parallel()
	servers, err := configured.Providers(configured.Options{AnthropicBaseURL: "http://localhost", AnthropicModel: "m", GeminiModel: "n"})
	require.NoError(t, err)
	require.Equal(t, []string{"demo"}, names(servers))
	require.Equal(t, servers[0].Models, []string{servers[0].Default})
}

func TestAnotherServerInOpenAIsPlaceHasTheNamedModelOnly(t *testing.T) {
	t.Parallel()
	servers, err := configured.Providers(configured.Options{OpenAIBaseURL: "http://localhost:11434", OpenAIModel: "n"})
	require.NoError(t, err)
	require.Equal(t, []string{"n"}, servers[0].Models)
	servers, err = configured.Providers(configured.Options{OpenAIKey: "k", OpenAIBaseURL: "https://api.openai.com/v1"})
	require.NoError(t, err)
	require.Empty(t, servers[0].Models)
}

func TestTwoServersOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	_, err := configured.Providers(configured.Options{Servers: []configured.ServerOptions{{Name: "a", URL: "http://h"}, {Name: "a", URL: "http://g"}}})
	require.EqualError(t, err, "two model servers have the name a")
}

func TestTheFirstConfiguredIsChosen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options     configured.Options
		name, model string
	}{
		{configured.Options{AnthropicKey: "k", AnthropicModel: "m", OpenAIKey: "k"}, "anthropic", "m"},
		{configured.Options{AnthropicModel: "m", OpenAIKey: "k", OpenAIModel: "n"}, "openai", "n"},
		{configured.Options{OpenAIBaseURL: "http://localhost:11434", OpenAIModel: "n"}, "openai", "n"},
		{configured.Options{GeminiKey: "k", OllamaURL: "http://127.0.0.1:11434"}, "gemini", configured.GeminiDefault},
		{configured.Options{AnthropicBaseURL: "http://localhost", OpenAIModel: "n"}, "demo", "demo"},
	} {
		p := configured.Choose(c.options)
		require.Equal(t, c.name, p.Name())
		require.Equal(t, c.model, p.DefaultModel())
	}
	require.NotEmpty(t, configured.Choose(configured.Options{AnthropicKey: "k"}).DefaultModel())
	require.NotEmpty(t, configured.Choose(configured.Options{OpenAIKey: "k"}).DefaultModel())
}

// Gemini and every server of one's own speak OpenAI's API at the URL that was given.
func TestCompatibleServersAreCalled(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(o *configured.Options, url string){
		configured.GeminiDefault: func(o *configured.Options, url string) { o.GeminiKey, o.GeminiBaseURL = llmtest.Secret, url },
		"m": func(o *configured.Options, url string) {
			o.Servers = []configured.ServerOptions{{Name: "own", URL: url, Key: llmtest.Secret, Models: []string{"m"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := llmtest.NewServer(t, llmtest.Say("Hello."))
			options := configured.Options{HTTPClient: model.Client()}
			set(&options, model.OpenAIURL())
			servers, err := configured.Providers(options)
			require.NoError(t, err)
			var text string
			res, err := servers[0].Provider.Stream(t.Context(), llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: "Hi"}}},
				func(s string) error { text += s; return nil })
			require.NoError(t, err)
			require.Equal(t, "Hello.", res.Text)
			require.Equal(t, "Hello.", text)
			require.Equal(t, name, model.Requests()[0].Model)

			model.Models(func(string) (int, string, string) {
				return http.StatusUnauthorized, "application/json", `{"error":{"message":"who are you?"}}`
			})
			err = servers[0].Provider.(interface{ Check(context.Context) error }).Check(t.Context())
			require.ErrorContains(t, err, "model auth")
		})
	}
}
