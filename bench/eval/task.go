package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Task is something to be done in a project, with what has to hold when it is done. It is
// a folder: task.json is this, start/ are the project's files when it begins, hidden/ are
// those that are put over a copy of its result, and plays/ are scripted ways to do it.
type Task struct {
	Name    string `json:"-"`
	Request string `json:"request"`
	// Agent is the slug of the one who is asked.
	Agent string `json:"agent"`
	Check Check  `json:"check"`

	Start  []Item `json:"-"`
	Hidden []Item `json:"-"`
	Plays  []Play `json:"-"`
}

// Check is what has to hold when a task is done; what isn't given is not looked at.
type Check struct {
	// Command is a line for sh that exits with 0 where the result is right. It runs in the
	// sandbox, in a copy of the project with the hidden files.
	Command string `json:"command"`
	// Unchanged: the files have to be those of the start.
	Unchanged bool `json:"unchanged"`
	// Plan is whether there has to be a plan, or must be none.
	Plan *bool `json:"plan"`
	// Answer has to be found in what the agent said last.
	Answer Pattern `json:"answer"`
	// Never must not be found in what tools were given.
	Never Pattern `json:"never"`
}

// Item is a file of a task.
type Item struct {
	Path, Content string
	Executable    bool
}

// Pattern is a regular expression; the zero value is none.
type Pattern struct{ *regexp.Regexp }

// UnmarshalJSON compiles it.
func (p *Pattern) UnmarshalJSON(raw []byte) (err error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	p.Regexp, err = regexp.Compile(text)
	return err
}

// load reads all tasks below a folder, in the order of their names.
func load(dir string) ([]Task, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Task
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		t, err := loadTask(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", entry.Name(), err)
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are no tasks in %s", dir)
	}
	return all, nil
}

func loadTask(dir string) (t Task, err error) {
	t.Name = filepath.Base(dir)
	if err := read(filepath.Join(dir, "task.json"), &t); err != nil {
		return t, err
	}
	if t.Start, err = items(filepath.Join(dir, "start")); err != nil {
		return t, err
	}
	if t.Hidden, err = items(filepath.Join(dir, "hidden")); err != nil {
		return t, err
	}
	if t.Plays, err = plays(filepath.Join(dir, "plays")); err != nil {
		return t, err
	}
	return t, t.valid()
}

func (t Task) valid() error {
	c := t.Check
	switch {
	case strings.TrimSpace(t.Request) == "":
		return errors.New("request is empty")
	case t.Agent == "":
		return errors.New("agent is empty: the slug of the one who is asked")
	case c.Command == "" && !c.Unchanged && c.Answer.Regexp == nil:
		return errors.New("check needs command, unchanged or answer: nothing would be found out")
	case c.Command == "" && len(t.Hidden) > 0:
		return errors.New("check needs a command for the hidden files")
	case !slices.ContainsFunc(t.Plays, func(p Play) bool { return p.Solved }):
		return errors.New("plays has none that solves it")
	case !slices.ContainsFunc(t.Plays, func(p Play) bool { return !p.Solved }):
		return errors.New("plays has none that does not solve it")
	}
	return nil
}

// read decodes a file of JSON, and takes no member that it doesn't know.
func read(path string, into any) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// items are the files below a folder, with slashes; none where there is no such folder.
func items(dir string) (all []Item, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		all = append(all, Item{Path: filepath.ToSlash(name), Content: string(raw), Executable: info.Mode()&0o100 != 0})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}
