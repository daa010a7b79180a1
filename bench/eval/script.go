package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// Play is a scripted way to do a task: a folder with play.json, which is this, and the
// files that it writes.
type Play struct {
	Name string `json:"-"`
	// Solved is whether the task has to count as solved after it, and Fails the checks that
	// have to fail where it doesn't: one that fails for another reason shows nothing.
	Solved bool    `json:"solved"`
	Fails  []check `json:"fails"`
	// Agents are the answers of who is asked, under "", and of a plan's tasks by title.
	Agents map[string][]Answer `json:"agents"`

	files map[string]string
}

// Answer is one of the model's.
type Answer struct {
	Say string `json:"say"`
	// Write are files of the play to write, by their paths in the project.
	Write []string `json:"write"`
	Calls []Call   `json:"calls"`
}

// Call is one of a tool. "$COMMAND" in its input is the id of the command that ended last.
type Call struct {
	Tool  string         `json:"tool"`
	Input map[string]any `json:"input"`
}

// idle is what every task that wants something done is played with besides: nothing is
// done and all is said to be. It shows that the checks don't hold from the start.
const idle = "idle"

func plays(dir string) (all []Play, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		p := Play{Name: entry.Name(), files: map[string]string{}}
		folder := filepath.Join(dir, entry.Name())
		if err := read(filepath.Join(folder, "play.json"), &p); err != nil {
			return nil, fmt.Errorf("play %s: %w", p.Name, err)
		}
		files, err := items(filepath.Join(folder, "files"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			p.files[f.Path] = f.Content
		}
		if err := p.valid(); err != nil {
			return nil, fmt.Errorf("play %s: %w", p.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func (p Play) valid() error {
	if p.Solved == (len(p.Fails) > 0) {
		return errors.New("fails names the checks that fail where solved is false, and none where it is true")
	}
	for title, answers := range p.Agents {
		for i, a := range answers {
			for _, path := range a.Write {
				if _, found := p.files[path]; !found {
					return fmt.Errorf("answer %d of %q writes %s, which is not among its files", i, title, path)
				}
			}
		}
	}
	return nil
}

// idly is the play that does nothing, for tasks that it doesn't solve.
func (t Task) idly() (Play, bool) {
	if t.Check.Command == "" {
		return Play{}, false
	}
	fails := []check{hidden}
	if t.Check.Plan != nil && *t.Check.Plan {
		fails = append(fails, planned)
	}
	return Play{Name: idle, Fails: fails, Agents: map[string][]Answer{"": {{Say: "All is done."}}}}, true
}

// modelName names the scripted model that plays a task so.
func modelName(t Task, p Play) string { return t.Name + "." + p.Name }

// scripted is a model for each play of the tasks, which answers by the script whatever
// order the calls come in.
func scripted(tasks []Task) (server *llmtest.Server, models []string) {
	byModel := map[string]Play{}
	for _, t := range tasks {
		for _, p := range t.played() {
			name := modelName(t, p)
			byModel[name] = p
			models = append(models, name)
		}
	}
	return llmtest.Start(llmtest.Func(func(q llmtest.Request) llmtest.Reply {
		p, found := byModel[q.Model]
		if !found {
			return refuse("nobody plays %q", q.Model)
		}
		return p.reply(q)
	})), models
}

// played are the plays of a task, the one that does nothing included.
func (t Task) played() []Play {
	if p, wanted := t.idly(); wanted {
		return append(t.Plays[:len(t.Plays):len(t.Plays)], p)
	}
	return t.Plays
}

func (p Play) reply(q llmtest.Request) llmtest.Reply {
	title := ""
	for _, m := range q.Messages {
		if after, found := strings.CutPrefix(m.Text, "Your task: "); found {
			title, _, _ = strings.Cut(after, "\n")
		}
	}
	answers, at := p.Agents[title], q.Turn()
	if at >= len(answers) {
		return refuse("play %s: %q has no answer %d to %v", p.Name, title, at, q.Results())
	}
	a := answers[at]
	var reply llmtest.Reply
	if a.Say != "" {
		reply = append(reply, llmtest.Say(a.Say))
	}
	for _, path := range a.Write {
		reply = append(reply, llmtest.Call("write_file", map[string]any{"path": path, "text": p.files[path]}))
	}
	command := lastCommand(q)
	for _, c := range a.Calls {
		reply = append(reply, llmtest.Call(c.Tool, filled(c.Input, command)))
	}
	return reply
}

// refuse ends the run with the reason.
func refuse(format string, args ...any) llmtest.Reply {
	return llmtest.Reply{llmtest.Refuse(400, "invalid_request_error", fmt.Sprintf(format, args...))}
}

var commandID = regexp.MustCompile(`Exit status \d+\. \((cmd_[a-z0-9]+)\)`)

func lastCommand(q llmtest.Request) (id string) {
	for _, m := range q.Messages {
		for _, r := range m.ToolResults {
			if found := commandID.FindStringSubmatch(r.Text); found != nil {
				id = found[1]
			}
		}
	}
	return id
}

func filled(input map[string]any, command string) map[string]any {
	out := map[string]any{}
	for name, value := range input {
		if value == "$COMMAND" {
			value = command
		}
		out[name] = value
	}
	return out
}
