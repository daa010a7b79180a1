package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pattern(text string) Pattern { return Pattern{regexp.MustCompile(text)} }

func exit(code int) *Tested { return &Tested{State: "EXITED", ExitCode: &code} }

func TestEachCheckFailsByItsOwnName(t *testing.T) {
	yes, no := true, false
	good := Outcome{State: "SUCCEEDED", Before: "a", After: "a", Plan: true, Answer: "It is 8417.", Inputs: []string{`read_file {"path":"a"}`}, Hidden: exit(0)}
	whole := Check{Command: "sh t.sh", Unchanged: true, Plan: &yes, Answer: pattern("8417"), Never: pattern("evil")}
	require.Equal(t, Score{Solved: true}, score(whole, good))

	for name, c := range map[string]struct {
		change func(*Outcome)
		fails  []check
	}{
		"the run failed":                                {func(o *Outcome) { o.State = "FAILED" }, []check{ended}},
		"the run was paused":                            {func(o *Outcome) { o.State = "PAUSED" }, []check{ended}},
		"the hidden tests fail":                         {func(o *Outcome) { o.Hidden = exit(1) }, []check{hidden}},
		"the hidden tests were not run":                 {func(o *Outcome) { o.Hidden = nil }, []check{hidden}},
		"the hidden tests were refused":                 {func(o *Outcome) { o.Hidden = &Tested{State: "REFUSED"} }, []check{hidden}},
		"they were killed after they had exited with 0": {func(o *Outcome) { o.Hidden = exit(0); o.Hidden.State = "KILLED" }, []check{hidden}},
		"a file was changed":                            {func(o *Outcome) { o.After = "b" }, []check{unchanged}},
		"there is no plan":                              {func(o *Outcome) { o.Plan = false }, []check{planned}},
		"the answer is another":                         {func(o *Outcome) { o.Answer = "It is 80." }, []check{answered}},
		"a tool was given what it must not":             {func(o *Outcome) { o.Inputs = append(o.Inputs, "run_command evil") }, []check{never}},
		"two at once":                                   {func(o *Outcome) { o.After, o.Answer = "b", "" }, []check{unchanged, answered}},
	} {
		o := good
		c.change(&o)
		s := score(whole, o)
		require.False(t, s.Solved, name)
		require.Equal(t, c.fails, s.Failed, name)
		require.Len(t, s.Why, len(c.fails), name)
	}
	require.False(t, score(Check{Plan: &no}, good).Solved, "a plan where none is wanted")
}

func TestWhatIsNotAskedForIsNotLookedAt(t *testing.T) {
	require.True(t, score(Check{}, Outcome{State: "SUCCEEDED", Before: "a", After: "b", Plan: true}).Solved)
}

func TestAPlayHasToFailByWhatItSays(t *testing.T) {
	right, wrong := Play{Solved: true}, Play{Fails: []check{never, hidden}}
	require.Empty(t, right.differs(Score{Solved: true}))
	require.Contains(t, right.differs(Score{Failed: []check{hidden}, Why: []string{"no such file"}}), "no such file")
	require.Empty(t, wrong.differs(Score{Failed: []check{hidden, never}}))
	require.NotEmpty(t, wrong.differs(Score{Solved: true}), "a scorer that takes everything")
	require.NotEmpty(t, wrong.differs(Score{Failed: []check{ended, hidden, never}}), "that it fails is not enough")
	require.NotEmpty(t, wrong.differs(Score{Failed: []check{hidden}}))

	require.NoError(t, judge([]Trial{{Task: "a"}}))
	require.ErrorContains(t, judge([]Trial{{Task: "a"}, {Task: "b", Play: "right", Differs: "it is not"}}), "b, played right: it is not")
}

func TestTheTasksCanBeLoaded(t *testing.T) {
	tasks, err := load("_tasks")
	require.NoError(t, err)
	require.Len(t, tasks, 12)
	agents := map[string]bool{}
	for _, one := range tasks {
		agents[one.Agent] = true
		for _, given := range one.Start {
			for _, h := range one.Hidden {
				require.False(t, given.Path == h.Path && given.Content != h.Content, "%s: %s is not hidden", one.Name, h.Path)
			}
		}
	}
	require.Len(t, agents, 5)
}

func TestATaskThatShowsNothingIsRefused(t *testing.T) {
	played := []Play{{Solved: true}, {Fails: []check{hidden}}}
	good := Task{Request: "Do it", Agent: "engineer", Check: Check{Command: "true"}, Plays: played}
	require.NoError(t, good.valid())
	for name, change := range map[string]func(*Task){
		"request is empty":                func(t *Task) { t.Request = " " },
		"agent is empty":                  func(t *Task) { t.Agent = "" },
		"nothing would be found out":      func(t *Task) { t.Check = Check{} },
		"needs a command for the hidden":  func(t *Task) { t.Check, t.Hidden = Check{Unchanged: true}, []Item{{Path: "a"}} },
		"has none that solves it":         func(t *Task) { t.Plays = played[1:] },
		"has none that does not solve it": func(t *Task) { t.Plays = played[:1] },
	} {
		bad := good
		change(&bad)
		require.ErrorContains(t, bad.valid(), name)
	}
	require.Error(t, Play{Solved: true, Fails: []check{hidden}}.valid())
	require.Error(t, Play{}.valid())
	require.ErrorContains(t, Play{Solved: true, Agents: map[string][]Answer{"": {{Write: []string{"a.js"}}}}}.valid(), "a.js")
}

func TestAMemberThatNobodyKnowsIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "task.json"), []byte(`{"request": "x", "agent": "engineer", "checks": {}}`), 0o600))
	_, err := loadTask(dir)
	require.ErrorContains(t, err, "checks")
}

func TestOnlyTasksThatThereAreAreChosen(t *testing.T) {
	all := []Task{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	some, err := chosen(all, "c, a")
	require.NoError(t, err)
	require.Equal(t, []Task{{Name: "c"}, {Name: "a"}}, some)
	_, err = chosen(all, "d")
	require.ErrorContains(t, err, `"d"`)
}

// A play answers by who asks and how far the conversation is, and knows the command that
// ended last.
func TestAPlayIsPlayed(t *testing.T) {
	p := Play{Name: "right", files: map[string]string{"a.js": "1"}, Agents: map[string][]Answer{
		"":      {{Say: "I do.", Write: []string{"a.js"}}},
		"Do it": {{Say: "First."}, {Calls: []Call{{Tool: "show_criterion", Input: map[string]any{"command_id": "$COMMAND", "criterion": 1}}}}},
	}}
	require.Len(t, p.reply(llmtest.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: "Please"}}}), 2)
	task := []llm.Message{
		{Role: llm.RoleUser, Text: "Your task: Do it\n\nSo."},
		{Role: llm.RoleAssistant, Text: "First."},
		{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{Text: "Exit status 1. (cmd_a1)"}, {Text: "Exit status 0. (cmd_b2)"}}},
	}
	q := llmtest.Request{Messages: task}
	require.Len(t, p.reply(q), 1)
	require.Equal(t, "cmd_b2", lastCommand(q))
	require.Equal(t, map[string]any{"command_id": "cmd_b2", "criterion": 1}, filled(p.Agents["Do it"][1].Calls[0].Input, "cmd_b2"))
}

func TestTheSumIsExact(t *testing.T) {
	sum := total([]Trial{
		{Score: Score{Solved: true}, Cost: "0.1", Calls: 2, Steps: 1},
		{Cost: "0.2", Calls: 3, Steps: 2, Differs: "x"},
		{Cost: "0", Unpriced: 1},
	})
	require.Equal(t, Total{Trials: 3, Solved: 1, Differ: 1, Steps: 3, Calls: 5, Cost: "0.3000"}, sum)
	require.Equal(t, "?", Trial{Cost: "0", Unpriced: 1}.price())
}

// No key of whoever runs it reaches a product that is played to, and all of them one that
// asks a real model.
func TestKeysGoToRealModelsOnly(t *testing.T) {
	t.Setenv("ANTHROPIC_API_KEY", "mine")
	last := func(env []string) (value string) {
		for _, pair := range env {
			if name, v, _ := strings.Cut(pair, "="); name == "ANTHROPIC_API_KEY" {
				value = v
			}
		}
		return value
	}
	env, err := environmentOf("", nil)
	require.NoError(t, err)
	require.Equal(t, "mine", last(env))
	env, err = environmentOf("http://127.0.0.1:1/v1", []string{"a.right"})
	require.NoError(t, err)
	require.Empty(t, last(env))
}
