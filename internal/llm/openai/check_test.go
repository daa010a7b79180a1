package openai_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

// A list that everyone may see proves no key: a token does.
func TestCheckWithAnOpenList(t *testing.T) {
	t.Parallel()
	open := func(string) (int, string, string) { return 200, "application/json", `{"data":[]}` }
	srv := llmtest.NewServer(t, llmtest.Refuse(401, "", "no such key"), llmtest.Reply{llmtest.Say("H"), llmtest.Stop(llm.StopLength)})
	srv.Models(open)
	p := openai.New(openai.Options{APIKey: "k", BaseURL: srv.OpenAIURL(), HTTPClient: srv.Client()})
	var e *llm.Error
	require.ErrorAs(t, p.Check(t.Context()), &e)
	require.Equal(t, llm.KindAuth, e.Kind)
	require.NoError(t, p.Check(t.Context()))
	require.Equal(t, 1, srv.Requests()[1].MaxTokens)

	keyless := openai.New(openai.Options{BaseURL: srv.OpenAIURL(), HTTPClient: srv.Client()})
	require.NoError(t, keyless.Check(t.Context()), "where no key is needed the list is enough")
	require.Len(t, srv.Requests(), 2)
}
