package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// quarrel plays a crew of which one breaks what another has shown: a greeting that is to be
// short, and one that is to be friendly. What the manager does about it is up to mend.
func quarrel(mend func(q llmtest.Request, report string) llmtest.Reply) llmtest.Func {
	type input = map[string]any
	calls := func(tool string, in input) llmtest.Reply { return llmtest.Reply{llmtest.Call(tool, in)} }
	shows := func(q llmtest.Request) llmtest.Reply {
		id := ""
		for _, m := range q.Messages {
			for _, r := range m.ToolResults {
				if at := strings.Index(r.Text, "cmd_"); at >= 0 {
					id = r.Text[at : at+strings.IndexAny(r.Text[at:], ") \n")]
				}
			}
		}
		return calls("show_criterion", input{"criterion": 1, "command_id": id, "note": "it passes"})
	}
	return func(q llmtest.Request) llmtest.Reply {
		said := ""
		for _, m := range q.Messages {
			said += m.Text + "\n"
		}
		report := ""
		for _, r := range q.Results() {
			report += r.Text
		}
		if strings.HasPrefix(q.System, "You are the Project Manager") {
			if q.Turn() == 0 {
				return calls("create_plan", input{"summary": "Greet", "tasks": []input{
					{"key": "short", "title": "Be short", "description": "x", "role": "engineer", "criteria": []string{"at most 6 bytes"}, "depends_on": []string{}},
					{"key": "kind", "title": "Be kind", "description": "x", "role": "engineer", "criteria": []string{"it says dear"}, "depends_on": []string{"short"}},
				}})
			}
			if reply := mend(q, report); reply != nil {
				return reply
			}
			if strings.Contains(report, "Report") || strings.Contains(report, "report to the person") {
				return llmtest.Reply{llmtest.Say("Done.")}
			}
			return calls("wait_for_tasks", input{})
		}
		text, check := "hi\n", "test $(wc -c < hello) -le 6"
		switch {
		case strings.Contains(said, "Your task: Look for"), strings.Contains(said, "Your task: Compare"):
			if q.Turn() == 0 {
				return calls("show_criterion", input{"criterion": 1, "note": "looked"})
			}
			return llmtest.Reply{llmtest.Say("Nothing.")}
		case strings.Contains(said, "Your task: Be kind"):
			text, check = "hello my dear\n", "grep dear hello"
		case strings.Contains(said, "doesn't hold any more"):
			text, check = "dear\n", "test $(wc -c < hello) -le 6"
		}
		last := q.Messages[len(q.Messages)-1]
		switch {
		case len(last.ToolResults) == 0:
			return calls("write_file", input{"path": "hello", "text": text})
		case strings.Contains(report, "Exit status 0"):
			return shows(q)
		case strings.Contains(report, "is shown"):
			return llmtest.Reply{llmtest.Say("It is so.")}
		}
		return calls("run_command", input{"shell": check})
	}
}

const quarrelled = `query($r: ID!) { node(id: $r) { ... on Run { state error verification gaps plan { tasks { title state attempts
	criteria { state problem evidence { tree checkedTree check { state exitCode branch } } } } } project { branches(first: 50) { nodes { name } } } } } }`

// What one task has shown and another has broken counts no more: the manager is told, and
// either it is mended or the run says that it is a gap.
func TestWhatIsBrokenLaterIsNotShownAnyMore(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		for _, c := range []struct {
			name         string
			mend         func(llmtest.Request, string) llmtest.Reply
			verification string
			state        string
		}{
			{name: "reported", verification: "WITH_GAPS", state: "STALE", mend: func(_ llmtest.Request, report string) llmtest.Reply {
				if strings.Contains(report, "not shown any more: at most 6 bytes: on main") {
					return llmtest.Reply{llmtest.Say("It is kind, and not short.")}
				}
				return nil
			}},
			{name: "mended", verification: "VERIFIED", state: "MET", mend: func(_ llmtest.Request, report string) llmtest.Reply {
				if strings.Contains(report, "not shown any more: at most 6 bytes: on main") {
					return llmtest.Reply{llmtest.Call("update_task", map[string]any{"task": 1, "action": "RETRY", "note": "Be both."})}
				}
				return nil
			}},
		} {
			model := llmtest.NewServer(t, quarrel(c.mend))
			cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
			cfg.SandboxInside = sandboxtest.Program(t)
			s := start(t, cfg)
			id := s.send(t, s.newProject(t, c.name), "Greet me")
			var run object
			require.Eventually(t, func() bool {
				run = s.do(t, quarrelled, object{"r": id})["node"].(object)
				state := run["state"]
				return state == "SUCCEEDED" || state == "FAILED" || state == "CANCELLED"
			}, crewTime, crewLook)
			require.Equal(t, "SUCCEEDED", run["state"], run)
			require.Equal(t, c.verification, run["verification"], run)
			short := run["plan"].(object)["tasks"].([]any)[0].(object)
			criterion := short["criteria"].([]any)[0].(object)
			require.Equal(t, "COMPLETED", short["state"])
			require.Equal(t, c.state, criterion["state"], run)
			if c.state == "STALE" {
				require.Contains(t, criterion["problem"], "Exit status 1")
				require.Len(t, run["gaps"], 1)
				check := criterion["evidence"].(object)["check"].(object)
				require.EqualValues(t, 1, check["exitCode"])
				require.Contains(t, check["branch"], "check/")
			}
			for _, b := range run["project"].(object)["branches"].(object)["nodes"].([]any) {
				require.NotContains(t, b.(object)["name"], "check/", "what was made to look is gone")
			}
			s.stop()
		}
	})
}
