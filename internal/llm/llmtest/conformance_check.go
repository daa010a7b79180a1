package llmtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
)

func testCheck(t *testing.T, c conformance) {
	t.Parallel()
	check := func(srv *Server) error {
		checker, ok := c.provider(srv).(llm.Checker)
		require.True(t, ok)
		return checker.Check(t.Context())
	}
	require.NoError(t, check(NewServer(t)), "a list is enough")

	for name, trial := range map[string]struct {
		status int
		media  string
		body   string
		kind   llm.Kind
		says   string
	}{
		"the key is refused": {401, "application/json", `{"error":{"message":"Incorrect API key provided: ` + Secret + `."}}`, llm.KindAuth, "Incorrect API key provided: [key]."},
		"overloaded":         {503, "text/plain", "later", llm.KindOverloaded, "later"},
		"a page":             {200, "text/html", "<h1>Welcome</h1>", llm.KindBadResponse, "check the base URL"},
		"a redirect":         {302, "text/html", "", llm.KindBadResponse, "check the base URL"},
		"an error, with 200": {200, "application/json", `{"error":{"message":"no","code":403}}`, llm.KindAuth, "no"},
	} {
		srv := NewServer(t)
		srv.Models(func(string) (int, string, string) { return trial.status, trial.media, trial.body })
		require.Contains(t, failed(t, check(srv), trial.kind).Message, trial.says, name)
		require.Empty(t, srv.Requests(), name)
	}

	unlisted := func(script ...Script) *Server {
		srv := NewServer(t, script...)
		srv.Models(func(string) (int, string, string) { return 404, "text/plain", "404 page not found" })
		return srv
	}
	srv := unlisted(Reply{Say("H"), Stop(llm.StopLength)})
	require.NoError(t, check(srv), "a token is enough")
	require.LessOrEqual(t, srv.Requests()[0].MaxTokens, 16)
	require.Contains(t, failed(t, check(unlisted(Refuse(401, "", "no such key"))), llm.KindAuth).Message, "no such key")

	srv = Start()
	srv.Close()
	_ = failed(t, check(srv), llm.KindUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, c.provider(NewServer(t)).(llm.Checker).Check(ctx))
}
