package anthropic_test

import (
	"testing"

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
