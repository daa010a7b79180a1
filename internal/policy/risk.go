package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Risk is how much may go wrong.
type Risk string

// The risks.
const (
	Low    Risk = "LOW"
	Medium Risk = "MEDIUM"
	High   Risk = "HIGH"
)

// sensitive are the files that decide what runs elsewhere, or hold secrets.
var sensitive = []string{
	".github/**", ".gitlab-ci.yml", ".circleci/**", "Jenkinsfile", ".env", ".env.*", "*.pem", "*.key", "id_rsa", "id_ed25519",
	".npmrc", ".pypirc", ".netrc", ".git/**", ".ssh/**", ".husky/**", ".git-hooks/**",
}

// RiskOf is the risk of a call: high where it destroys, medium where it reaches other
// machines, runs a command or changes a sensitive file, low otherwise.
func RiskOf(c Call) Risk {
	touches := func(p string) bool { return anyGlob(sensitive, p, true) }
	switch {
	case c.Is(Destructive):
		return High
	case c.Is(Network), c.Is(Execute):
		return Medium
	case c.Is(Write) && slices.ContainsFunc(slices.Concat(c.Paths, c.Mentions), touches):
		return Medium
	}
	return Low
}

// Words say which rule decided, to whoever has to know why a call was not made.
func (d Decision) Words() string {
	rule := fmt.Sprintf("the %s's rule %q", d.Layer, d.Rule.String())
	if d.Rule.ID == "default" {
		rule = fmt.Sprintf("what the %s sets where no rule is about it: %q", d.Layer, d.Rule.String())
	}
	if d.Rule.Why != "" {
		rule += ": " + strings.TrimSuffix(d.Rule.Why, ".")
	}
	return rule
}
