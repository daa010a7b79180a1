package openai_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider(srv *llmtest.Server) llm.Provider {
	return openai.New(openai.Options{APIKey: llmtest.Secret, BaseURL: srv.OpenAIURL(), HTTPClient: srv.Client()})
}

func TestConformance(t *testing.T) { llmtest.Conformance(t, newProvider) }
