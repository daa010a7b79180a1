package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/policy"
)

func parsed(t *testing.T, texts ...string) []policy.Rule {
	t.Helper()
	rules := make([]policy.Rule, len(texts))
	for i, text := range texts {
		r, err := policy.ParseRule(text)
		require.NoError(t, err)
		require.Equal(t, text, r.String())
		rules[i] = r
	}
	return rules
}

func agent(layers ...policy.Layer) *policy.Agent {
	return &policy.Agent{Slug: "engineer", Layers: layers}
}

func TestWhatIsAllowedWithoutRules(t *testing.T) {
	t.Parallel()
	for class, want := range map[policy.Class]policy.Outcome{
		policy.Read: policy.Allow, policy.Write: policy.Allow, policy.Execute: policy.Allow, policy.Network: policy.Ask, policy.Destructive: policy.Ask,
	} {
		d := policy.Decide(policy.Call{Classes: []policy.Class{class}}, agent(policy.InstanceLayer()), moment)
		require.Equal(t, want, d.Outcome, class)
	}
	require.Equal(t, policy.Ask, policy.Decide(policy.Call{}, agent(policy.InstanceLayer()), moment).Outcome, "a call of no class is one of each")
	require.Equal(t, policy.Deny, policy.Decide(policy.Call{}, nil, moment).Outcome)
	require.Equal(t, policy.Deny, policy.Decide(policy.Call{}, agent(), moment).Outcome)
	endless := agent(policy.InstanceLayer())
	endless.Parent = endless
	require.Equal(t, policy.Deny, policy.Decide(policy.Call{Classes: []policy.Class{policy.Read}}, endless, moment).Outcome)
}

func TestTheNarrowerRuleCounts(t *testing.T) {
	t.Parallel()
	by := agent(policy.InstanceLayer(parsed(t, "ask execute", "allow execute command=npm test", "deny command=npm test --danger", "ask write path=.github/**,.env", "deny write agent=architect")...))
	line := func(commands ...string) policy.Call {
		return policy.Call{Tool: "run_command", Classes: []policy.Class{policy.Execute}, Commands: commands}
	}
	write := func(paths ...string) policy.Call {
		return policy.Call{Tool: "write_file", Classes: []policy.Class{policy.Write}, Paths: paths}
	}
	for _, c := range []struct {
		call policy.Call
		want policy.Outcome
	}{
		{line("make"), policy.Ask},
		{line("npm test"), policy.Allow},
		{line("npm  test -- x"), policy.Allow},
		{line("npm tests"), policy.Ask},
		{line("npm test", "curl x"), policy.Ask},
		{line(), policy.Ask},
		{line("npm test --danger"), policy.Deny},
		{line("npm test", "npm test --danger"), policy.Deny},
		{write("a.go"), policy.Allow},
		{write("a.go", ".github/x"), policy.Ask},
		{write("./.GITHUB/x"), policy.Ask},
		{write("sub/../.github/x"), policy.Ask},
		{write("deep/in/.env"), policy.Ask},
		{policy.Call{Classes: []policy.Class{policy.Write}, Mentions: []string{".en*"}}, policy.Ask},
		{policy.Call{Classes: []policy.Class{policy.Write}, Mentions: []string{"*.go"}}, policy.Ask},
		{policy.Call{Classes: []policy.Class{policy.Read}, Paths: []string{".env"}}, policy.Allow},
	} {
		require.Equal(t, c.want, policy.Decide(c.call, by, moment).Outcome, "%+v", c.call)
	}
	by.Slug = "architect"
	require.Equal(t, policy.Deny, policy.Decide(write("a.go"), by, moment).Outcome)
}

func TestAnApprovalLiftsNoDenial(t *testing.T) {
	t.Parallel()
	c := policy.Call{ID: "c", Tool: "run_command", Classes: []policy.Class{policy.Network}, Subject: "npm install"}
	g := policy.Grant{Scope: policy.InProject, Key: c.Key()}
	d := policy.Decide(c, agent(policy.InstanceLayer()), moment, g)
	require.Equal(t, policy.Allow, d.Outcome)
	require.True(t, d.Granted)
	d = policy.Decide(c, agent(policy.InstanceLayer(parsed(t, "deny network")...)), moment, g)
	require.Equal(t, policy.Deny, d.Outcome)
	require.Contains(t, d.Words(), `the instance's rule "deny network"`)
	other := c
	other.Subject = "npm install evil"
	require.Equal(t, policy.Ask, policy.Decide(other, agent(policy.InstanceLayer()), moment, g).Outcome)
	g = policy.Grant{Scope: policy.InRun, Key: c.Key(), RunID: "run"}
	require.Equal(t, policy.Allow, policy.Decide(c, agent(policy.InstanceLayer()), moment, g).Outcome)
	require.Equal(t, policy.Ask, policy.Decide(c, agent(policy.InstanceLayer()), policy.Moment{RunID: "child", Now: now}, g).Outcome)
}

func TestTheRisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call policy.Call
		want policy.Risk
	}{
		{policy.Call{Classes: []policy.Class{policy.Read}}, policy.Low},
		{policy.Call{Classes: []policy.Class{policy.Write}, Paths: []string{"a.go"}}, policy.Low},
		{policy.Call{Classes: []policy.Class{policy.Write}, Paths: []string{"x/.env"}}, policy.Medium},
		{policy.Call{Classes: []policy.Class{policy.Execute}}, policy.Medium},
		{policy.Call{Classes: []policy.Class{policy.Execute, policy.Destructive}}, policy.High},
		{policy.Call{}, policy.High},
	} {
		require.Equal(t, c.want, policy.RiskOf(c.call), "%+v", c.call)
	}
}

func TestARuleThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "perhaps execute", "ask running", "ask path=", "ask path=[", "deny command=", "ask write read", "deny tools=x"} {
		_, err := policy.ParseRule(text)
		require.Error(t, err, text)
	}
}
