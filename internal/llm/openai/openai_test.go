package openai_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider(srv *llmtest.Server) llm.Provider { return provider(openai.Chat)(srv.Target()) }

func provider(api openai.API) func(llmtest.Target) llm.Provider {
	return func(to llmtest.Target) llm.Provider {
		return openai.New(openai.Options{APIKey: to.Key, BaseURL: to.URL, API: api, HTTPClient: to.Client, Limits: to.Limits})
	}
}

func TestChatConformance(t *testing.T) {
	llmtest.Conformance(t, llmtest.OpenAI, provider(openai.Chat))
}

func TestResponsesConformance(t *testing.T) {
	llmtest.Conformance(t, llmtest.OpenAIResponses, provider(openai.Responses))
}
