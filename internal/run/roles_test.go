package run_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
)

// forbidden is what a role may not do: each tool that it has not, and files that are not
// its own.
func forbidden(role agent.Role) []attack {
	var out []attack
	names := []string{"no_such_tool"}
	for _, tool := range tools.All() {
		names = append(names, tool.Name())
	}
	for _, name := range names {
		if !slices.Contains(role.Tools, name) {
			out = append(out, attack{name, call{}})
		}
	}
	if !slices.Contains(role.Tools, "write_file") {
		return append(out, attack{"write_file", call{"path": "docs/spec.md", "text": "x"}})
	}
	for _, path := range []string{"app.js", "src/main.go", "index.html", "x.php", "../x.md", ".git/config", "/etc/passwd"} {
		if !role.Allows(path) || strings.HasPrefix(path, ".") || strings.HasPrefix(path, "/") {
			out = append(out, attack{"write_file", call{"path": path, "text": "x"}})
		}
	}
	return out
}

// Each role tries all that it may not do, and nothing comes of it.
func TestWhatARoleMayNotDoIsRefusedWheneverItTries(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		shell := &commands{}
		tries := map[string][]attack{}
		script := llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			if q.Turn() > 0 {
				return llmtest.Reply{llmtest.Say("I may not")}
			}
			slug, number, _ := strings.Cut(q.Messages[0].Text, " ")
			n, err := strconv.Atoi(number)
			if err != nil {
				return llmtest.Reply{llmtest.Refuse(400, "invalid_request_error", err.Error())}
			}
			return llmtest.Reply{llmtest.Call(tries[slug][n].tool, tries[slug][n].input)}
		})
		for _, role := range agent.Roster() {
			role, err := agent.Find(role.Slug)
			require.NoError(t, err)
			tries[role.Slug] = forbidden(role)
		}
		b := setup(t, db, url, options{run: run.Options{Commands: shell}, script: []llmtest.Script{script}})
		for _, role := range agent.Roster() {
			require.Greater(t, len(tries[role.Slug]), 3, role.Slug)
			for n, a := range tries[role.Slug] {
				_, r := b.send(t, conversation.SendInput{Agent: role.Slug, Text: role.Slug + " " + strconv.Itoa(n)})
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State, "%s: %+v", role.Slug, a)
				c, err := db.Ent.ToolCall.Query().Where(toolcall.RunID(r.ID)).Only(b.ctx)
				require.NoError(t, err)
				require.Equal(t, enum.ToolCallFailed, c.State, "%s: %s %s: %s", role.Slug, c.Name, c.Input, c.Output)
			}
		}
		require.Empty(t, shell.ran())
		files, _, err := b.files.Files(b.ctx, b.project.ID, "", "", "", 100)
		require.NoError(t, err)
		require.Empty(t, files)
	})
}
