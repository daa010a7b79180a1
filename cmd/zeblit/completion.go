package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completeWord, as the first argument, makes the program answer a shell's question:
// what may follow the words behind it, the last of which may be half typed.
const completeWord = "__complete"

//go:embed completion/zeblit.bash
var bashCompletion string

//go:embed completion/zeblit.zsh
var zshCompletion string

//go:embed completion/zeblit.fish
var fishCompletion string

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is what the command's own help ends with.
func (completionCommand) Help() string {
	return `To have it in every shell, put this into its start-up file:

bash: source <(zeblit completion bash)
zsh: source <(zeblit completion zsh)
fish: zeblit completion fish | source`
}

func (f *completionCommand) Run(c console) error {
	script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[f.Shell]
	_, err := io.WriteString(c.out, script)
	return err
}

// candidate is a word that may come next.
type candidate struct{ word, help string }

// complete writes the candidates for the last of words, one a line, each with a tab and
// its help.
func complete(w io.Writer, model *kong.Application, words []string) error {
	for _, one := range candidates(model, words) {
		help, _, _ := strings.Cut(one.help, "\n")
		if _, err := fmt.Fprintf(w, "%s\t%s\n", one.word, help); err != nil {
			return err
		}
	}
	return nil
}

func candidates(model *kong.Application, words []string) []candidate {
	if len(words) == 0 {
		return nil
	}
	before, typed := words[:len(words)-1], words[len(words)-1]
	node, arguments := model.Node, 0
	var valueOf *kong.Flag
	for _, word := range before {
		switch {
		case valueOf != nil:
			valueOf = nil
		case word == "--":
			return nil // what follows is no flag and no command
		case strings.HasPrefix(word, "-"):
			if flag := flagNamed(node, word); flag != nil && !flag.IsBool() && !flag.IsCounter() && !strings.Contains(word, "=") {
				valueOf = flag
			}
		default:
			if child := childNamed(node, word); child != nil {
				node, arguments = child, 0
			} else {
				arguments++
			}
		}
	}
	var all []candidate
	switch {
	case valueOf != nil:
		all = choices(valueOf.Value)
	case strings.HasPrefix(typed, "-"):
		for _, flag := range flagsOf(node) {
			all = append(all, candidate{"--" + flag.Name, flag.Help})
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden && child.Type == kong.CommandNode {
				all = append(all, candidate{child.Name, child.Help})
			}
		}
		if arguments < len(node.Positional) {
			all = append(all, choices(node.Positional[arguments])...)
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, typed) })
}

func childNamed(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && (child.Name == word || slices.Contains(child.Aliases, word)) {
			return child
		}
	}
	return nil
}

// flagsOf are the flags that may be given at a node, and those of its default command.
func flagsOf(node *kong.Node) []*kong.Flag {
	var all []*kong.Flag
	for _, group := range node.AllFlags(true) {
		all = append(all, group...)
	}
	if node.DefaultCmd != nil {
		all = append(all, node.DefaultCmd.Flags...)
	}
	return all
}

func flagNamed(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, flag := range flagsOf(node) {
		if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

func choices(value *kong.Value) []candidate {
	var all []candidate
	for _, word := range value.EnumSlice() {
		if word != "" {
			all = append(all, candidate{word: word})
		}
	}
	return all
}
