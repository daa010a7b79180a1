package route_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/route"
)

func keyed(s route.Server, by string) *route.Keyed {
	s.Provider = provider{by}
	return route.NewKeyed(s)
}

func TestAKeyTakesThePlaceOfTheServersOwn(t *testing.T) {
	t.Parallel()
	base := newRouter(t, nil, anthropic, openai)
	require.Same(t, base, base.With())
	r := base.With(keyed(openai, "tenant"))
	all, err := r.Candidates(t.Context(), route.Wish{})
	require.NoError(t, err)
	require.Equal(t, names(candidates(t, base, route.Wish{})), names(all), "the order stays")
	for _, c := range all {
		require.Equal(t, c.Server == "openai", c.Provider.Name() == "tenant", "%s", c)
	}
	require.Equal(t, "openai", candidates(t, base, route.Wish{})[1].Provider.Name(), "the installation's is as before")
}

func TestAKeyAddsAServer(t *testing.T) {
	t.Parallel()
	base := newRouter(t, nil, openai, vllm)
	require.Error(t, base.Check(t.Context(), "anthropic/claude-sonnet-5-5"))
	r := base.With(keyed(anthropic, "anthropic"))
	require.NoError(t, r.Check(t.Context(), "anthropic/claude-sonnet-5-5"))
	require.Equal(t, []string{"openai/gpt-5.6-terra", "vllm/qwen", "anthropic/claude-sonnet-5-5"}, names(candidates(t, r, route.Wish{}))[:3])

	// The installation's list of a tier comes first, whoever has which key.
	base = newRouter(t, map[route.Tier][]string{route.Standard: {"vllm/llama"}}, openai, vllm)
	require.Equal(t, "vllm/llama", candidates(t, base.With(keyed(anthropic, "anthropic")), route.Wish{})[0].String())
}

func TestTheDemoModelGivesWayToAnyKey(t *testing.T) {
	t.Parallel()
	base := newRouter(t, map[route.Tier][]string{route.Standard: {"demo/demo"}}, server("demo", "demo", "demo"))
	require.Equal(t, "demo/demo", candidates(t, base, route.Wish{})[0].String())
	r := base.With(keyed(anthropic, "anthropic"))
	for _, c := range candidates(t, r, route.Wish{}) {
		require.Equal(t, "anthropic", c.Server)
	}
	require.Error(t, r.Check(t.Context(), "demo/demo"))
	require.NoError(t, base.Check(t.Context(), "demo/demo"))
}

// What is known of a server whose key is the installation's is known everywhere; what is
// known of a key, where it is used.
func TestHealthIsThatOfTheKey(t *testing.T) {
	t.Parallel()
	base := newRouter(t, nil, anthropic, openai)
	shared := keyed(anthropic, "anthropic")
	one, same, other := base.With(shared), base.With(shared), base.With(keyed(anthropic, "anthropic"))
	refused := &llm.Error{Kind: llm.KindAuth, Status: 401, Message: "no such key"}

	first := candidates(t, one, route.Wish{})[0]
	require.Equal(t, "anthropic/claude-sonnet-5-5", first.String())
	one.Report(first, refused, 0)
	state := func(r *route.Router, server, model string) route.State { return r.Health(server, model).State }
	require.Equal(t, route.Down, state(one, "anthropic", "claude-sonnet-5-5"))
	require.Equal(t, route.Down, state(same, "anthropic", "claude-sonnet-5-5"))
	require.Equal(t, route.Unknown, state(other, "anthropic", "claude-sonnet-5-5"))
	require.Equal(t, route.Unknown, state(base, "anthropic", "claude-sonnet-5-5"))
	require.Equal(t, "openai", candidates(t, same, route.Wish{})[0].Server)
	require.Equal(t, "anthropic", candidates(t, base, route.Wish{})[0].Server)

	base.Report(candidates(t, base, route.Wish{Model: "openai/gpt-5.6-terra"})[0], nil, time.Second)
	require.Equal(t, route.Healthy, state(one, "openai", "gpt-5.6-terra"))
	require.Equal(t, time.Second, other.Health("openai", "gpt-5.6-terra").Latency)
}
