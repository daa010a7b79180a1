package policy_test

import (
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/policy"
)

// Each property is held to checks times perCheck random crews: 100,000.
const (
	checks   = "5000"
	perCheck = 20
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set(checks)
	}
	os.Exit(m.Run())
}

var (
	tools    = []string{"read_file", "write_file", "run_command", "delegate"}
	slugs    = []string{"manager", "engineer", "product-manager"}
	paths    = []string{"a.go", ".env", ".github/workflows/ci.yml", "docs/x.md"}
	globs    = []string{"**", "*.go", ".env", ".github/**", "docs/*"}
	lines    = []string{"npm test", "npm install left-pad", "git push --force", "rm -rf /"}
	prefixes = []string{"npm", "npm test", "git push", "rm"}
	outcomes = []policy.Outcome{policy.Allow, policy.Ask, policy.Deny}
	now      = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// dice are random choices that are cheap enough for very many cases.
type dice struct{ state uint64 }

// hold holds a property to very many random crews.
func hold(t *testing.T, property func(t *rapid.T, d *dice)) {
	rapid.Check(t, func(t *rapid.T) {
		d := &dice{rapid.Uint64().Draw(t, "seed")}
		for range perCheck {
			property(t, d)
		}
	})
}

func (d *dice) n(most int) int { // splitmix64
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(most))
}

func one[T any](d *dice, of []T) T { return of[d.n(len(of))] }

func some[T any](d *dice, of []T, inTen int) []T {
	if d.n(10) >= inTen {
		return nil
	}
	return []T{one(d, of)}
}

func (d *dice) rule() policy.Rule {
	r := policy.Rule{
		ID: "r", Outcome: one(d, outcomes), Tools: some(d, tools, 2), Paths: some(d, globs, 3), OtherTools: some(d, tools, 1), OtherPaths: some(d, globs, 1),
	}
	if d.n(10) < 7 {
		r.Class = one(d, policy.Classes())
	}
	if d.n(10) < 2 {
		r.Agent = one(d, slugs)
	}
	if d.n(10) < 3 {
		r.Command = one(d, prefixes)
	}
	return r
}

func (d *dice) layer(name policy.LayerName) policy.Layer {
	l := policy.Layer{Name: name}
	for range d.n(4) {
		l.Rules = append(l.Rules, d.rule())
	}
	if d.n(2) == 0 {
		l.Defaults = map[policy.Class]policy.Outcome{one(d, policy.Classes()): one(d, outcomes)}
	}
	return l
}

func (d *dice) layers() []policy.Layer {
	out := []policy.Layer{policy.InstanceLayer(d.rule())}
	for _, name := range []policy.LayerName{policy.Organisation, policy.Project, policy.Role} {
		if d.n(3) > 0 {
			out = append(out, d.layer(name))
		}
	}
	return append(out, policy.PersonLayer(policy.Standing(d.n(6)/2)))
}

func (d *dice) call() policy.Call {
	c := policy.Call{ID: "call", Tool: one(d, tools), Subject: "s"}
	for _, class := range policy.Classes() {
		if d.n(3) == 0 {
			c.Classes = append(c.Classes, class)
		}
	}
	c.Paths, c.Mentions, c.Commands = some(d, paths, 5), some(d, paths, 3), some(d, lines, 5)
	return c
}

// chain is agents that work for each other, the last for a person.
func (d *dice) chain() *policy.Agent {
	var top *policy.Agent
	for range 1 + d.n(4) {
		top = &policy.Agent{Slug: one(d, slugs), Layers: d.layers(), Parent: top}
	}
	return top
}

func (d *dice) grants(c policy.Call) []policy.Grant {
	var out []policy.Grant
	for range d.n(4) {
		g := policy.Grant{
			Scope: one(d, []policy.Scope{policy.Once, policy.InRun, policy.InProject}), Key: c.Key(),
			CallID: one(d, []string{"call", "other", ""}), RunID: one(d, []string{"run", "parent", ""}), Until: one(d, []time.Time{{}, now.Add(time.Hour), now.Add(-time.Hour)}),
		}
		if d.n(3) == 0 {
			g.Key = "other"
		}
		out = append(out, g)
	}
	return out
}

var moment = policy.Moment{RunID: "run", Now: now}

// TestAChildNeverHasMoreThanItsParent: with no approval, whatever an agent may do those
// above it may, too; and no approval lets it do what one above it is denied.
func TestAChildNeverHasMoreThanItsParent(t *testing.T) {
	t.Parallel()
	hold(t, func(t *rapid.T, d *dice) {
		agent, c := d.chain(), d.call()
		grants := d.grants(c)
		mine := policy.Decide(c, agent, moment)
		approved := policy.Decide(c, agent, moment, grants...)
		for above := agent.Parent; above != nil; above = above.Parent {
			theirs := policy.Decide(c, above, moment)
			if mine.Outcome > theirs.Outcome {
				t.Fatalf("%s has %s where one above, %s, has %s: %+v", agent.Slug, mine.Outcome, above.Slug, theirs.Outcome, c)
			}
			if theirs.Outcome == policy.Deny && approved.Outcome != policy.Deny {
				t.Fatalf("an approval let %s do what is denied to %s", agent.Slug, above.Slug)
			}
		}
	})
}

// TestNoLayerWidens: one more layer, one more agent above and one more denial never make
// an outcome milder.
func TestNoLayerWidens(t *testing.T) {
	t.Parallel()
	hold(t, func(t *rapid.T, d *dice) {
		agent, c := d.chain(), d.call()
		grants := d.grants(c)
		before := policy.Decide(c, agent, moment, grants...)
		lower := func(what string) {
			if after := policy.Decide(c, agent, moment, grants...); after.Outcome > before.Outcome {
				t.Fatalf("%s made %s of %s", what, after.Outcome, before.Outcome)
			}
		}
		at := agent
		for at.Parent != nil && d.n(2) == 0 {
			at = at.Parent
		}
		was := at.Layers
		at.Layers = slices.Insert(slices.Clone(was), d.n(len(was)+1), d.layer(policy.Organisation))
		lower("a layer")
		at.Layers = slices.Clone(was)
		deny := d.rule()
		deny.Outcome = policy.Deny
		i := d.n(len(was))
		at.Layers[i].Rules = append(slices.Clone(was[i].Rules), deny)
		lower("a denial")
		at.Layers = was
		for at.Parent != nil {
			at = at.Parent
		}
		at.Parent = d.chain()
		lower("an agent above")
	})
}

// TestNothingIsLaundered: what the first of a chain is denied, or has to ask for, none of
// those whom it sends gets, however many there are and whatever they are allowed.
func TestNothingIsLaundered(t *testing.T) {
	t.Parallel()
	free := []policy.Layer{{Name: policy.Instance, Rules: []policy.Rule{{ID: "all", Outcome: policy.Allow}}}}
	hold(t, func(t *rapid.T, d *dice) {
		origin, c := d.chain(), d.call()
		allowed := policy.Decide(c, origin, moment).Outcome
		last := origin
		for range 1 + d.n(5) {
			last = &policy.Agent{Slug: one(d, slugs), Layers: free, Parent: last}
			if d.n(3) == 0 {
				last.Layers = d.layers()
			}
		}
		if got := policy.Decide(c, last, moment).Outcome; got > allowed {
			t.Fatalf("%s by way of others, %s by itself", got, allowed)
		}
		// Approvals of other runs, other calls and other times are none.
		var foreign []policy.Grant
		for _, g := range d.grants(c) {
			if g.Key == c.Key() && (g.Scope == policy.Once && g.CallID == c.ID || g.Scope == policy.InRun && g.RunID == "run" ||
				g.Scope == policy.InProject && (g.Until.IsZero() || g.Until.After(now))) {
				continue
			}
			foreign = append(foreign, g)
		}
		if got := policy.Decide(c, last, moment, foreign...).Outcome; got > allowed {
			t.Fatalf("%s by what was approved for others, %s by itself", got, allowed)
		}
	})
}

// TestOwnRulesBindNobodyElse: a rule of a role's own part is the one thing that those
// whom it sends are not held to, and nothing else of the role is.
func TestOwnRulesBindNobodyElse(t *testing.T) {
	t.Parallel()
	hold(t, func(t *rapid.T, d *dice) {
		child, c := d.chain(), d.call()
		for child.Parent == nil {
			child = d.chain()
		}
		before := policy.Decide(c, child, moment)
		own := d.rule()
		own.Own, own.Outcome = true, one(d, []policy.Outcome{policy.Ask, policy.Deny})
		i := d.n(len(child.Parent.Layers))
		child.Parent.Layers[i].Rules = append(child.Parent.Layers[i].Rules, own)
		if after := policy.Decide(c, child, moment); after.Outcome != before.Outcome {
			t.Fatalf("%s became %s by a rule that binds the parent alone", before.Outcome, after.Outcome)
		}
	})
}

// TestADenialAlwaysCounts: one that is about the call, anywhere above it, is the outcome,
// whatever narrower rules allow. And a call of several classes gets the strictest of them.
func TestADenialAlwaysCounts(t *testing.T) {
	t.Parallel()
	hold(t, func(t *rapid.T, d *dice) {
		agent, c := d.chain(), d.call()
		grants := d.grants(c)
		strictest := policy.Allow
		for _, class := range c.Classes {
			alone := c
			alone.Classes = []policy.Class{class}
			strictest = min(strictest, policy.Decide(alone, agent, moment).Outcome)
		}
		if got := policy.Decide(c, agent, moment).Outcome; len(c.Classes) > 0 && got != strictest {
			t.Fatalf("%s, where the strictest of its classes has %s: %+v", got, strictest, c)
		}
		at := agent
		for at.Parent != nil && d.n(2) == 0 {
			at = at.Parent
		}
		deny := policy.Rule{ID: "never", Outcome: policy.Deny}
		if len(c.Classes) > 0 && d.n(2) == 0 {
			deny.Class = one(d, c.Classes)
		}
		i := d.n(len(at.Layers))
		at.Layers[i].Rules = append(at.Layers[i].Rules, deny)
		if got := policy.Decide(c, agent, moment, grants...).Outcome; got != policy.Deny {
			t.Fatalf("%s in spite of a denial", got)
		}
	})
}
