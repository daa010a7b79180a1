package tools_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
)

func TestArgumentsAreHeldToTheSchema(t *testing.T) {
	t.Parallel()
	var checker tools.Checker
	for _, c := range []struct{ tool, input, field, message string }{
		{"run_command", `{"shell":"ls","timeout_seconds":5000}`, "timeout_seconds", "must be at most 1800, got 5000"},
		{"run_command", `{"shell":"ls","timeout_seconds":0.5}`, "timeout_seconds", "must be of type integer, got number"},
		{"run_command", `{"argv":["ls",7]}`, "argv/1", "must be of type string, got number"},
		{"run_command", `{"shell":true}`, "shell", "must be of type string, got boolean (a line for sh -c)"},
		{"read_file", `{}`, "path", "is required (the file's path in the project)"},
		{"read_file", ``, "path", "is required (the file's path in the project)"},
		{"read_file", `[]`, "", "must be of type object, got array"},
		{"read_file", `{"path":"a","line":3}`, "line", "there is no such argument; there are: path"},
		{"stop_command", `{"command_id":"c","signal":"STOP"}`, "signal", `must be one of "TERM", "INT", "HUP", "KILL", got "STOP"`},
		{"read_console", `{"levels":["error","fatal"],"limit":0}`, "levels/1", `must be one of "debug", "log", "info", "warn", "error", got "fatal"; limit: must be at least 1, got 0`},
		{"read_file", `{"path":"a`, "", "the arguments are not valid JSON; give one object with: path"},
		{"read_file", `{"path":'a'}`, "", "the arguments are not valid JSON at byte 9: "},
		{"read_file", `{"path":"a"} {"path":"b"}`, "", "the arguments are not valid JSON"},
	} {
		err := checker.Check(tools.Find(c.tool), json.RawMessage(c.input))
		p := problem.As(err)
		require.NotNil(t, p, "%s(%s): %v", c.tool, c.input, err)
		require.Equal(t, problem.BadInput, p.Code)
		require.Equal(t, c.field, p.Field, "%s(%s)", c.tool, c.input)
		require.Contains(t, p.Message, c.message)
	}
}

func TestArgumentsThatFitPass(t *testing.T) {
	t.Parallel()
	var checker tools.Checker
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for tool, input := range map[string]string{
				"list_files": ``, "read_file": `{"path":"a"}`, "write_file": `{"path":"a","text":""}`, "edit_file": `{"path":"a","old_text":"x","new_text":"y"}`,
				"run_command": `{"argv":["ls","-l"],"timeout_seconds":1800,"background":true}`, "read_command": `{}`, "stop_command": `{"command_id":"c"}`,
				"read_console": `{"levels":[],"minutes":3}`,
			} {
				if err := checker.Check(tools.Find(tool), json.RawMessage(input)); err != nil {
					t.Errorf("%s(%s): %v", tool, input, err)
				}
			}
		})
	}
	group.Wait()
}

// Each tool says on its own what may be made at once and what is told unmarked: whoever adds
// one thinks of both here.
func TestWhatToolsDeclare(t *testing.T) {
	t.Parallel()
	type declared struct{ parallel, trusted, writes bool }
	got := map[string]declared{}
	for _, tool := range tools.All() {
		got[tool.Name()] = declared{tools.Parallel(tool), tools.Trusted(tool), tools.Writes(tool)}
		require.False(t, tools.Parallel(tool) && tools.Writes(tool), "%s is made at once with others, and writes", tool.Name())
	}
	require.Equal(t, map[string]declared{
		"list_files": {parallel: true}, "read_file": {parallel: true}, "read_command": {parallel: true}, "read_console": {parallel: true},
		"write_file": {trusted: true, writes: true}, "edit_file": {trusted: true, writes: true}, "stop_command": {trusted: true},
		"run_command": {writes: true}, "resolve_conflict": {trusted: true, writes: true},
		"create_plan": {}, "wait_for_tasks": {}, "add_tasks": {trusted: true}, "update_task": {trusted: true}, "show_criterion": {trusted: true},
		"ask_user":  {trusted: true},
		"ask_agent": {}, "send_message": {trusted: true},
		"scan_secrets": {}, "scan_dependencies": {}, "scan_code": {}, "check_headers": {}, "report_finding": {},
	}, got)
}
