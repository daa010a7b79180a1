package demo

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/quoted"
)

// scene is where the conversation stands: what is asked for and what was done for it.
type scene struct {
	request string
	task    string // the latest message that gave a task; empty: none did
	tools   map[string]bool
	done    []deed // since the request, oldest first
	earlier []deed // for requests before it
}

// deed is a tool call with its outcome.
type deed struct {
	tool                   string
	path                   string
	text, oldText, newText string
	number                 int // of a task or a criterion
	result                 string
	failed                 bool
}

// move is what the model does next.
type move struct {
	say   string
	calls []llm.ToolCall // without ids
}

func read(req llm.Request) *scene {
	s := &scene{tools: map[string]bool{}}
	for _, t := range req.Tools {
		s.tools[t.Name] = true
	}
	calls := map[string]*deed{}
	for _, m := range req.Messages {
		for _, r := range m.ToolResults {
			if d := calls[r.CallID]; d != nil {
				d.failed = r.IsError
				d.result, _ = quoted.Text(r.Text)
				s.done = append(s.done, *d)
			}
		}
		if m.Role == llm.RoleUser && strings.TrimSpace(m.Text) != "" {
			s.request = strings.TrimSpace(m.Text)
			if strings.HasPrefix(s.request, taskMark) {
				s.task = s.request
			}
			s.earlier = append(s.earlier, s.done...)
			s.done = nil
		}
		for _, c := range m.ToolCalls {
			calls[c.ID] = newDeed(c)
		}
	}
	return s
}

func newDeed(c llm.ToolCall) *deed {
	var in struct {
		Path    string `json:"path"`
		Text    string `json:"text"`
		OldText string `json:"old_text"`
		NewText string `json:"new_text"`
		Task    int    `json:"task"`
		Shown   int    `json:"criterion"`
	}
	_ = json.Unmarshal(c.Input, &in) // another tool's input has none of these
	return &deed{tool: c.Name, path: in.Path, text: in.Text, oldText: in.OldText, newText: in.NewText, number: in.Task + in.Shown}
}

// call is a tool call with these arguments.
func call(tool string, args any) llm.ToolCall {
	input, _ := json.Marshal(args)
	return llm.ToolCall{Name: tool, Input: input}
}

// listing is the project's files, as list_files told. known is false before it did.
func (s *scene) listing() (files []string, known bool) {
	for _, d := range s.done {
		if d.tool != "list_files" {
			continue
		}
		known = true
		if d.failed {
			continue // a folder that isn't there yet
		}
		for line := range strings.Lines(d.result) {
			line = strings.TrimSuffix(strings.TrimSpace(line), "/")
			if line == "" || strings.HasPrefix(line, "(") {
				continue
			}
			line = strings.TrimPrefix(line, "./")
			if d.path != "" && line != d.path && !strings.HasPrefix(line, d.path+"/") {
				line = path.Join(d.path, line)
			}
			if !slices.Contains(files, line) {
				files = append(files, line)
			}
		}
	}
	return files, known
}

// attempts counts how often a tool was tried on a path, and how often it failed;
// last is the latest outcome.
func (s *scene) attempts(tool, path string) (tries, failures int, last deed) {
	for _, d := range s.done {
		if d.tool == tool && d.path == path {
			tries++
			last = d
			if d.failed {
				failures++
			}
		}
	}
	return tries, failures, last
}

// lastIs reports whether the latest deed on a path was made with tool.
func (s *scene) lastIs(tool, path string) bool {
	for _, d := range slices.Backward(s.done) {
		if d.path == path {
			return d.tool == tool
		}
	}
	return false
}

// content is a file's text as the transcript shows it since the request: the last
// reading with the edits after it. known is false when it wasn't read.
func (s *scene) content(path string) (text string, known bool) {
	for _, d := range s.done {
		if d.path != path || d.failed {
			continue
		}
		switch d.tool {
		case "read_file":
			text, known = d.result, true
		case "write_file":
			text, known = d.text, true
		case "edit_file":
			text = strings.Replace(text, d.oldText, d.newText, 1)
		}
	}
	return text, known
}

// lastPage is the HTML page that was written last in the conversation; empty: none.
func (s *scene) lastPage(files []string) string {
	for _, d := range slices.Backward(s.earlier) {
		if d.tool == "write_file" && !d.failed && path.Ext(d.path) == ".html" && slices.Contains(files, d.path) {
			return d.path
		}
	}
	return ""
}

// reason is a failure in one short line.
func (d deed) reason() string {
	line, _, _ := strings.Cut(strings.TrimSpace(d.result), "\n")
	if r := []rune(line); len(r) > 160 {
		line = string(r[:160]) + "…"
	}
	if line == "" {
		return "no reason given"
	}
	return line
}
