package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// Without a key the demo model plays the whole crew: all seven work, and a page is there in
// the end. Where commands can't run here it says so.
func TestTheDemoModelPlaysTheWholeCrew(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		cfg.SandboxInside = sandboxtest.Program(t)
		s := start(t, cfg)
		project := s.newProject(t, "To-do")
		s.send(t, project, "Build a to-do list with a backend")
		run := s.ended(t, project)
		require.Equal(t, "SUCCEEDED", run["state"], "%v", run)
		require.Contains(t, []string{"VERIFIED", "WITH_GAPS"}, run["verification"])
		if run["verification"] == "WITH_GAPS" {
			require.NotEmpty(t, run["gaps"])
		}
		roles := map[string]bool{run["agent"].(object)["slug"].(string): true}
		for _, one := range run["plan"].(object)["tasks"].([]any) {
			one := one.(object)
			require.Equal(t, "COMPLETED", one["state"], one)
			require.EqualValues(t, 1, one["attempts"], one)
			roles[one["agent"].(object)["slug"].(string)] = true
		}
		require.Len(t, roles, 7)
		require.Contains(t, s.file(t, project, "index.html"), "<h1>To-do list</h1>")
		require.Contains(t, s.file(t, project, "app.js"), "api/items")
		require.Contains(t, s.file(t, project, "docs/spec.md"), "Build a to-do list with a backend")
		for _, path := range []string{"style.css", "server.py", "test_server.py", "db/schema.sql", "docs/architecture.md", "Dockerfile", "Makefile", "README.md"} {
			require.NotEmpty(t, s.file(t, project, path), path)
		}
	})
}

// ended waits for the latest run that a person began in the project.
func (s *system) ended(t *testing.T, project string) (run object) {
	t.Helper()
	require.Eventually(t, func() bool {
		data := s.do(t, `query($p: ID!) { project(id: $p) { runs(first: 30) { nodes { state error verification gaps agent { slug } parent { id }
			plan { tasks { title state problem attempts result agent { slug } criteria { text state evidence { commandLine note } } } } } } } }`, object{"p": project})
		for _, one := range data["project"].(object)["runs"].(object)["nodes"].([]any) {
			if one := one.(object); one["parent"] == nil {
				run = one
			}
		}
		return run["state"] == "SUCCEEDED" || run["state"] == "FAILED" || run["state"] == "CANCELLED"
	}, crewTime, crewLook)
	return run
}
