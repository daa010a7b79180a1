package anthropic_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider(srv *llmtest.Server) llm.Provider {
	return anthropic.New(anthropic.Options{APIKey: llmtest.Secret, BaseURL: srv.AnthropicURL(), HTTPClient: srv.Client()})
}

func TestConformance(t *testing.T) { llmtest.Conformance(t, newProvider) }
