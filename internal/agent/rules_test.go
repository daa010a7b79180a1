package agent

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/policy"
)

// Who works for a role that may not write code writes none either, whatever its own role
// may do.
func TestADenialIsNotGotAroundByWayOfAHelper(t *testing.T) {
	t.Parallel()
	engineer, err := Find("engineer")
	require.NoError(t, err)
	for slug, allowed := range map[string]map[string]bool{
		"manager":           {"run": true, "src/app.js": true, "docs/spec.md": true, "look": true},
		"architect":         {"run": true, "src/app.js": true, "docs/spec.md": true, "look": true},
		"product-manager":   {"docs/spec.md": true, "docs/a/b.md": true, "look": true, "run": false, "src/app.js": false, "docs/app.js": false, "push": false},
		"security-engineer": {"look": true, "run": false, "src/app.js": false, "docs/spec.md": false, "push": false},
	} {
		role, err := Find(slug)
		require.NoError(t, err)
		above := &policy.Agent{Slug: slug, Layers: []policy.Layer{{Name: policy.Role, Rules: role.Rules()}}}
		below := policy.Agent{Slug: "engineer", Layers: []policy.Layer{{Name: policy.Role, Rules: engineer.Rules()}}, Parent: above}
		for what, may := range allowed {
			call := policy.Call{Tool: "write_file", Classes: []policy.Class{policy.Write}, Paths: []string{what}}
			switch what {
			case "run":
				call = policy.Call{Tool: "run_command", Classes: []policy.Class{policy.Execute}, Commands: []string{"go test"}}
			case "push":
				call = policy.Call{Tool: "run_command", Classes: []policy.Class{policy.Execute, policy.Destructive}, Commands: []string{"git push --force"}}
			case "look":
				call = policy.Call{Tool: "read_file", Classes: []policy.Class{policy.Read}, Paths: []string{"src/app.js"}}
			}
			d := policy.Decide(call, &below, policy.Moment{})
			require.Equal(t, may, d.Outcome == policy.Allow, "%s: %s: %s", slug, what, d.Words())
		}
	}
}
