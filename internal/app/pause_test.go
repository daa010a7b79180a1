package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/plan/crewtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// A crew that is paused in the middle does nothing until it is let go on, and then builds
// the same.
func TestAPausedCrewGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t, llmtest.Func(crewtest.New().Reply))
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		cfg.SandboxInside = sandboxtest.Program(t)
		s := start(t, cfg)
		project := s.newProject(t, "To-do")
		s.send(t, project, crewtest.Request)
		// look tells how many tasks have begun, how often models were called, and whether
		// anything works.
		look := func() (manager string, begun int, calls float64, works bool) {
			data := s.do(t, `query($p: ID!) { project(id: $p) { runs(first: 50) { nodes { id state usage { calls } plan { tasks { state } } } } } }`, object{"p": project})
			for _, r := range data["project"].(object)["runs"].(object)["nodes"].([]any) {
				r := r.(object)
				works = works || r["state"] == "RUNNING" || r["state"] == "QUEUED"
				calls += r["usage"].(object)["calls"].(float64)
				if r["plan"] == nil {
					continue
				}
				manager = r["id"].(string)
				for _, one := range r["plan"].(object)["tasks"].([]any) {
					if one.(object)["state"] != "PENDING" {
						begun++
					}
				}
			}
			return manager, begun, calls, works
		}
		var manager string
		var begun int
		require.Eventually(t, func() bool {
			require.NoError(t, crewtest.People(t.Context(), project, s.query))
			manager, begun, _, _ = look()
			return begun > 1
		}, crewTime, 100*time.Millisecond)
		s.do(t, `mutation($r: ID!) { pauseRun(input: {runId: $r}) { run { state } } }`, object{"r": manager})
		require.Eventually(t, func() bool {
			require.NoError(t, crewtest.People(t.Context(), project, s.query))
			_, _, _, works := look()
			return !works
		}, crewTime, 250*time.Millisecond)
		_, begun, calls, _ := look()
		require.Less(t, begun, 8, "it is in the middle")
		// What a run waited for may still come, such as the end of a merge. It is paused then: it
		// goes by way of QUEUED, and calls no model.
		require.Never(t, func() bool {
			_, now, called, _ := look()
			return now != begun || called != calls
		}, 2*time.Second, 250*time.Millisecond, "nothing begins")
		s.do(t, `mutation($r: ID!) { resumeRun(input: {runId: $r}) { run { state } } }`, object{"r": manager})
		s.built(t, project)
	})
}
