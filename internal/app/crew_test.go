package app_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/plan/crewtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// A request becomes a plan, which the crew works off: in parallel, on branches, with a
// conflict that the manager decides and a test that is mended at the second try.
func TestTheCrewBuildsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t, llmtest.Func(crewtest.New().Reply))
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		cfg.SandboxInside = sandboxtest.Program(t)
		s := start(t, cfg)
		project := s.newProject(t, "To-do")
		s.send(t, project, crewtest.Request)
		s.built(t, project)
	})
}

// built waits until the crew has built the to-do list, and looks at all of it.
func (s *system) built(t *testing.T, project string) {
	t.Helper()
	var data object
	require.Eventually(t, func() bool {
		require.NoError(t, crewtest.People(t.Context(), project, s.query))
		data = s.do(t, `query($p: ID!) { project(id: $p) {
			runs(last: 1) { nodes { state error verification gaps usage { calls outputTokens } plan { state summary
				progress { completed total usage { calls } }
				tasks { title state problem attempts result agent { slug } run { state branch depth parent { id } verification usage { calls } }
					criteria { text state evidence { commandLine exitCode outputDigest files { path } note } } dependencies { title } } } } }
			userStories { problem nodes { id title story priority criteria } } decisions { problem nodes { id decision because alternatives } }
			questions(first: 9) { nodes { state answer run { agent { slug } } } } approvals(first: 9) { nodes { state shown } }
			files(first: 50) { nodes { path text } } merges(first: 50) { nodes { state } } } }`, object{"p": project})["project"].(object)
		run := data["runs"].(object)["nodes"].([]any)[0].(object)
		return run["state"] != "QUEUED" && run["state"] != "RUNNING" && run["state"] != "WAITING_FOR_AGENTS"
	}, crewTime, crewLook)
	run := data["runs"].(object)["nodes"].([]any)[0].(object)
	require.Equal(t, "SUCCEEDED", run["state"], "%v", run)
	require.Equal(t, "VERIFIED", run["verification"], run["gaps"])
	plan := run["plan"].(object)
	roles := map[string]bool{}
	callsBelow := 0.0
	for _, one := range plan["tasks"].([]any) {
		one := one.(object)
		roles[one["agent"].(object)["slug"].(string)] = true
		require.Equal(t, "COMPLETED", one["state"], one)
		require.Equal(t, "VERIFIED", one["run"].(object)["verification"])
		for _, c := range one["criteria"].([]any) {
			require.Equal(t, "MET", c.(object)["state"], one["title"])
		}
		attempts := 1.0
		if one["title"] == crewtest.TwiceTried {
			attempts = 2
			e := one["criteria"].([]any)[0].(object)["evidence"].(object)
			require.EqualValues(t, 0, e["exitCode"])
			require.Contains(t, e["commandLine"], "sum.sh 2 3")
			require.Len(t, e["outputDigest"], 64)
		}
		require.EqualValues(t, attempts, one["attempts"], one["title"])
		callsBelow += one["run"].(object)["usage"].(object)["calls"].(float64)
	}
	require.Len(t, plan["tasks"], 8)
	require.Len(t, roles, 6)
	require.EqualValues(t, 8, plan["progress"].(object)["completed"])
	require.Greater(t, run["usage"].(object)["calls"].(float64), callsBelow, "its own, and the first try's")

	stories := data["userStories"].(object)
	require.Nil(t, stories["problem"])
	require.Equal(t, "MUST", stories["nodes"].([]any)[0].(object)["priority"])
	decisions := data["decisions"].(object)
	require.Nil(t, decisions["problem"])
	require.Equal(t, "One process", decisions["nodes"].([]any)[0].(object)["decision"])

	questions := data["questions"].(object)["nodes"].([]any)
	require.Len(t, questions, 1)
	require.Equal(t, "ANSWERED", questions[0].(object)["state"])
	require.Equal(t, crewtest.Answer, questions[0].(object)["answer"])
	approvals := data["approvals"].(object)["nodes"].([]any)
	require.Len(t, approvals, 1)
	require.Equal(t, "APPROVED", approvals[0].(object)["state"])

	var paths []string
	for _, f := range data["files"].(object)["nodes"].([]any) {
		paths = append(paths, f.(object)["path"].(string))
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(crewtest.Files)), paths, "what a role may not write is not there")
	for path, text := range crewtest.Files {
		require.Equal(t, text, s.file(t, project, path), path)
	}
	for _, m := range data["merges"].(object)["nodes"].([]any) {
		require.Equal(t, "MERGED", m.(object)["state"])
	}
	s.crewSpoke(t, project)
	s.crewIsIdle(t, project)
}

// crewSpoke looks at what the agents have said to each other: each word is there once and
// was read, and the one question has one answer.
func (s *system) crewSpoke(t *testing.T, project string) {
	t.Helper()
	talks, heard, told := map[string]bool{}, []any{}, 0
	for _, r := range s.do(t, `query($p: ID!) { project(id: $p) { runs(first: 50) { nodes { conversation { id } } } } }`,
		object{"p": project})["project"].(object)["runs"].(object)["nodes"].([]any) {
		talks[r.(object)["conversation"].(object)["id"].(string)] = true
	}
	require.Len(t, talks, 10, "the manager's, those of eight tasks, and one for the question")
	for talk := range talks {
		for _, m := range s.said(t, talk) {
			if m["sender"] != nil {
				require.Equal(t, false, m["unread"], m["text"])
				heard = append(heard, m["text"])
			}
			if m["text"] == crewtest.Told {
				told++
			}
		}
	}
	require.ElementsMatch(t, []any{crewtest.Mail, crewtest.MailUp, crewtest.Question}, heard)
	require.Equal(t, 1, told)
}

// crewIsIdle looks at what the API tells of the agents once all is built.
func (s *system) crewIsIdle(t *testing.T, project string) {
	t.Helper()
	crew := s.do(t, `query($p: ID!) { project(id: $p) { crew { agent { slug tools writes } state load running waiting queued completedToday lastActiveAt
		metrics(days: 2) { runs succeeded failed cancelled successRate meanSeconds busiestDay } } } }`, object{"p": project})["project"].(object)["crew"].([]any)
	require.Len(t, crew, 7)
	completed := 0.0
	for _, one := range crew {
		one := one.(object)
		metrics := one["metrics"].(object)
		require.Equal(t, "IDLE", one["state"], one)
		require.Equal(t, "IDLE", one["load"])
		require.NotNil(t, one["lastActiveAt"], one)
		require.EqualValues(t, 1, metrics["successRate"], one)
		require.Greater(t, metrics["meanSeconds"], 0.0)
		require.NotNil(t, metrics["busiestDay"])
		require.NotEmpty(t, one["agent"].(object)["tools"])
		require.Equal(t, one["agent"].(object)["slug"] == "security-engineer", len(one["agent"].(object)["writes"].([]any)) == 0)
		completed += metrics["succeeded"].(float64)
	}
	require.EqualValues(t, 11, completed, "the manager's run, those of eight tasks, one second try, and one that answers another")

	_, a := s.post(t, s.key, `query($p: ID!) { project(id: $p) { crew { metrics(days: 0) { runs } } } }`, object{"p": project})
	require.Equal(t, "BAD_USER_INPUT", a.Errors[0].Extensions.Code)
	require.Equal(t, "days", a.Errors[0].Extensions.Field)
}
