package agent

import (
	"path"

	"github.com/zeblit/zeblit/internal/policy"
)

// Rules is the role's layer: it uses its own tools and no other. What it may not do with
// its own hands it may have done by those who work for it, as far as they may; only of a
// role that writes no code and runs nothing nobody does that.
func (r Role) Rules() []policy.Rule {
	rules := []policy.Rule{{
		ID: "role", Outcome: policy.Deny, OtherTools: r.Tools, Own: true, Why: "the " + r.Name + " doesn't use this tool",
	}}
	if r.WritesCode() {
		return rules
	}
	why := "the " + r.Name + " writes no code and runs nothing, nor does anybody who works for it"
	for _, class := range []policy.Class{policy.Execute, policy.Network, policy.Destructive} {
		rules = append(rules, policy.Rule{ID: "role", Outcome: policy.Deny, Class: class, Why: why})
	}
	return append(rules, policy.Rule{ID: "role", Outcome: policy.Deny, Class: policy.Write, OtherPaths: r.globs(), Why: why})
}

// globs are the files that the role may change, as rules name them.
func (r Role) globs() []string {
	var out []string
	for _, pattern := range r.Writes {
		folder, name := path.Split(pattern)
		if folder != "" {
			name = folder + "**/" + name
		}
		out = append(out, name)
	}
	return out
}

// Bounds bind those whom the role asks: they change and run nothing for it that it may not
// itself.
func (r Role) Bounds() []policy.Rule {
	var out []policy.Rule
	for _, class := range []policy.Class{policy.Write, policy.Execute, policy.Network, policy.Destructive} {
		out = append(out, policy.Rule{
			ID: "asked", Outcome: policy.Deny, Class: class, OtherTools: r.Tools, Why: "the " + r.Name + " asked, who doesn't do this",
		})
	}
	if globs := r.globs(); len(globs) > 0 {
		out = append(out, policy.Rule{
			ID: "asked", Outcome: policy.Deny, Class: policy.Write, OtherPaths: globs, Why: "the " + r.Name + " asked, who doesn't write this file",
		})
	}
	return out
}
