package tools_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/policy"
)

// Rules of paths hold for each file that a conflict's decision writes.
func TestADecisionOfConflictsNamesItsFiles(t *testing.T) {
	t.Parallel()
	tool := tools.Find("resolve_conflict")
	call := tools.CallOf(tool, "c", json.RawMessage(`{"task":1,"files":[{"path":"README.md","text":""},{"path":".github/run.yml","delete":true}]}`))
	require.Equal(t, []string{"README.md", ".github/run.yml"}, call.Paths)
	require.Equal(t, []policy.Class{policy.Write}, call.Classes)
	require.Empty(t, tools.CallOf(tool, "c", json.RawMessage(`{"files":7}`)).Paths, "what is wrong with it is said later")
	rules := func(text string) policy.Outcome {
		rule, err := policy.ParseRule(text)
		require.NoError(t, err)
		by := &policy.Agent{Slug: "manager", Layers: []policy.Layer{policy.InstanceLayer(rule)}}
		return policy.Decide(call, by, policy.Moment{}).Outcome
	}
	require.Equal(t, policy.Deny, rules("deny write path=.github/**"))
	require.Equal(t, policy.Allow, rules("deny write path=.gitlab/**"))
}
