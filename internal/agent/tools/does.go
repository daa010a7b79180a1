package tools

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/policy/shell"
)

// CallOf says what a call of the tool does, before it is made. A tool that neither has a
// method Does nor writes reads.
func CallOf(t Tool, id string, input json.RawMessage) policy.Call {
	c := policy.Call{Classes: []policy.Class{policy.Read}}
	if says, ok := t.(interface {
		Does(input json.RawMessage) policy.Call
	}); ok {
		c = says.Does(input)
	} else if Writes(t) {
		c.Classes = []policy.Class{policy.Write}
	}
	c.ID, c.Tool = id, t.Name()
	if c.Subject == "" {
		c.Subject = string(input)
	}
	return c
}

// file is a call that reads or changes the file that its input names.
func file(class policy.Class, input json.RawMessage) policy.Call {
	var in struct {
		Path string `json:"path"`
	}
	_ = json.Unmarshal(input, &in) // Run says what is wrong with it
	c := policy.Call{Classes: []policy.Class{class}, Subject: in.Path}
	if in.Path != "" {
		c.Paths = []string{in.Path}
	}
	return c
}

func (readFile) Does(input json.RawMessage) policy.Call  { return file(policy.Read, input) }
func (listFiles) Does(input json.RawMessage) policy.Call { return file(policy.Read, input) }
func (writeFile) Does(input json.RawMessage) policy.Call { return file(policy.Write, input) }
func (editFile) Does(input json.RawMessage) policy.Call  { return file(policy.Write, input) }

// Does names all files that it decides on.
func (resolveConflict) Does(input json.RawMessage) policy.Call {
	var in struct {
		Files []struct {
			Path string `json:"path"`
		} `json:"files"`
	}
	_ = json.Unmarshal(input, &in) // Run says what is wrong with it
	c := policy.Call{Classes: []policy.Class{policy.Write}}
	for _, f := range in.Files {
		if f.Path != "" {
			c.Paths = append(c.Paths, f.Path)
		}
	}
	return c
}

// Does: stopping what the agent itself may have begun is a part of running it.
func (stopCommand) Does(json.RawMessage) policy.Call {
	return policy.Call{Classes: []policy.Class{policy.Execute}}
}

// Does reads the command line.
func (runCommand) Does(input json.RawMessage) policy.Call {
	var in struct {
		Shell     string   `json:"shell"`
		Argv      []string `json:"argv"`
		Directory string   `json:"directory"`
		Stdin     string   `json:"stdin"`
	}
	_ = json.Unmarshal(input, &in) // Run says what is wrong with it
	read := shell.Read(shell.Input{Line: in.Shell, Argv: in.Argv, Stdin: in.Stdin})
	c := policy.Call{
		Classes: []policy.Class{policy.Execute}, Commands: read.Commands, Mentions: read.Words,
		Concerns: slices.Concat(read.Destroys, read.Network),
		Subject:  strings.Join(append([]string{in.Shell, in.Directory, in.Stdin}, in.Argv...), "\x00"),
	}
	for class, is := range map[policy.Class]bool{policy.Write: !read.Looks, policy.Network: len(read.Network) > 0, policy.Destructive: len(read.Destroys) > 0} {
		if is {
			c.Classes = append(c.Classes, class)
		}
	}
	return c
}

// Shown is a call of the tool as a person reads it who is to allow it: the exact command,
// or the input as the model wrote it.
func Shown(t Tool, input json.RawMessage) string {
	if t.Name() != (runCommand{}).Name() {
		return string(input)
	}
	var in struct {
		Shell     string   `json:"shell"`
		Argv      []string `json:"argv"`
		Directory string   `json:"directory"`
		Stdin     string   `json:"stdin"`
	}
	_ = json.Unmarshal(input, &in)
	line := in.Shell
	if len(in.Argv) > 0 {
		words, _ := json.Marshal(in.Argv)
		line = string(words)
	}
	if in.Directory != "" {
		line += "\n\nin the folder " + in.Directory
	}
	if in.Stdin != "" {
		line += "\n\nwith the input:\n" + in.Stdin
	}
	return line
}
