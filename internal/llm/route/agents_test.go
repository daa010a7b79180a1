package route_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/route"
)

func TestAgentsAreRead(t *testing.T) {
	t.Parallel()
	agents, err := route.ParseAgents(nil)
	require.NoError(t, err)
	require.Empty(t, agents)
	agents, err = route.ParseAgents([]byte(`{"engineer": {"tier": "complex", "standard": ["openai/gpt-5", "own/vendor/model"]}, "manager": {}}`))
	require.NoError(t, err)
	require.Equal(t, route.Complex, agents["engineer"].Tier)
	require.Equal(t, []string{"openai/gpt-5", "own/vendor/model"}, agents["engineer"].Models[route.Standard])
	require.Empty(t, agents["manager"].Tier)
	for text, what := range map[string]string{
		`[]`:                            "must be an object of agents",
		`{"engineer": {"teir": "x"}}`:   "teir",
		`{} {}`:                         "must be one object",
		`{"engineer": {"tier": "big"}}`: "the tier of engineer must be quick, standard or complex",
		`{"engineer": {"quick": ["claude"], "complex": ["/x"]}, "manager": {"tier": "x"}}`: `one is "claude"`,
	} {
		_, err := route.ParseAgents([]byte(text))
		require.ErrorContains(t, err, what, text)
	}
}
