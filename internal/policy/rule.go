package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Rule is one sentence of a layer. What is left empty is not looked at.
type Rule struct {
	ID      string
	Outcome Outcome
	Class   Class
	// Agent is the slug of the one agent that it is about.
	Agent string
	// Tools are the tools that it is about; OtherTools makes it about all but these.
	Tools      []string
	OtherTools []string
	// Paths are globs with ** of the project's files. A rule that allows wants every path
	// of the call to be one of these; any other wants one of them to be.
	Paths []string
	// OtherPaths makes it about calls of files that none of these globs is for.
	OtherPaths []string
	// Command is how a program and its arguments begin, word by word. A rule that allows
	// wants every program of the call to begin so; any other wants one of them to.
	Command string
	// Own: it binds the agent itself, and not those that work for it. So one whose part
	// it is to divide work may have it done by others without doing it.
	Own bool
	// Why is said to people and agents whom it stops.
	Why string
}

func (r *Rule) matches(c Call, class Class) bool {
	switch {
	case r.Class != "" && r.Class != class:
		return false
	case len(r.Tools) > 0 && !slices.Contains(r.Tools, c.Tool):
		return false
	case r.OtherTools != nil && slices.Contains(r.OtherTools, c.Tool):
		return false
	case len(r.Paths) > 0 && !r.among(slices.Concat(c.Paths, c.Mentions), r.path):
		return false
	case len(r.OtherPaths) > 0 && !slices.ContainsFunc(c.Paths, func(p string) bool { return !anyGlob(r.OtherPaths, p, false) }):
		return false
	case r.Command != "" && !r.among(c.Commands, func(line string) bool { return begins(line, r.Command) }):
		return false
	}
	return true
}

// among: all of what there is for a rule that allows, else one of it.
func (r *Rule) among(all []string, fits func(string) bool) bool {
	if r.Outcome != Allow {
		return slices.ContainsFunc(all, fits)
	}
	return len(all) > 0 && !slices.ContainsFunc(all, func(s string) bool { return !fits(s) })
}

func (r *Rule) path(p string) bool { return anyGlob(r.Paths, p, r.Outcome != Allow) }

// narrowness is the greater the less a rule is about.
func (r *Rule) narrowness() int {
	n := 0
	for i, said := range []bool{
		r.Class != "", r.Agent != "", len(r.Tools) > 0 || r.OtherTools != nil, len(r.Paths) > 0 || len(r.OtherPaths) > 0, r.Command != "",
	} {
		if said {
			n |= 1 << i
		}
	}
	return n
}

// String is the rule as ParseRule reads it.
func (r Rule) String() string {
	words := []string{r.Outcome.String()}
	if r.Class != "" {
		words = append(words, strings.ToLower(string(r.Class)))
	}
	for _, part := range []struct {
		name  string
		words []string
	}{{"agent", nonEmpty(r.Agent)}, {"tool", r.Tools}, {"othertool", r.OtherTools}, {"path", r.Paths}, {"otherpath", r.OtherPaths}, {"command", nonEmpty(r.Command)}} {
		if len(part.words) > 0 {
			words = append(words, part.name+"="+strings.Join(part.words, ","))
		}
	}
	return strings.Join(words, " ")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// ParseRule reads a rule: an outcome, then a class and conditions as there are:
//
//	ask execute
//	deny write path=.github/**,*.pem
//	allow network agent=engineer command=npm install
//
// command comes last and takes the rest of the line.
func ParseRule(text string) (Rule, error) {
	head, command, _ := strings.Cut(text, "command=")
	words := strings.Fields(head)
	if len(words) == 0 {
		return Rule{}, fmt.Errorf("a rule begins with allow, ask or deny")
	}
	r := Rule{ID: strings.Join(strings.Fields(text), " "), Command: strings.Join(strings.Fields(command), " ")}
	switch strings.ToLower(words[0]) {
	case "allow":
		r.Outcome = Allow
	case "ask":
		r.Outcome = Ask
	case "deny":
		r.Outcome = Deny
	default:
		return Rule{}, fmt.Errorf("rule %q: %q is none of allow, ask and deny", text, words[0])
	}
	if strings.Contains(text, "command=") && r.Command == "" {
		return Rule{}, fmt.Errorf("rule %q: command is empty", text)
	}
	for _, word := range words[1:] {
		name, value, condition := strings.Cut(word, "=")
		switch class := Class(strings.ToUpper(word)); {
		case !condition && slices.Contains(Classes(), class) && r.Class == "":
			r.Class = class
		case condition && value == "":
			return Rule{}, fmt.Errorf("rule %q: %s is empty", text, name)
		case name == "agent" && condition:
			r.Agent = value
		case name == "tool" && condition:
			r.Tools = strings.Split(value, ",")
		case name == "path" && condition:
			r.Paths = strings.Split(value, ",")
		default:
			return Rule{}, fmt.Errorf("rule %q: %q is no class (read, write, execute, network, destructive) and no condition (agent=, tool=, path=, command=)", text, word)
		}
	}
	return r, r.Check()
}

// Check says what is wrong with a rule's conditions.
func (r Rule) Check() error {
	if r.Class != "" && !slices.Contains(Classes(), r.Class) {
		return fmt.Errorf("%s is no class", r.Class)
	}
	for _, glob := range slices.Concat(r.Paths, r.OtherPaths) {
		if !doublestar.ValidatePattern(glob) {
			return fmt.Errorf("%q is no pattern of paths: * stands for a part of a name, ** for folders, {a,b} for either", glob)
		}
	}
	return nil
}

// anyGlob says whether one of the globs is for the path. Where it may stop a call, wide
// is set: then case doesn't matter, nor that a shell will first make names of p.
func anyGlob(globs []string, p string, wide bool) bool {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	return slices.ContainsFunc(globs, func(glob string) bool {
		glob = strings.TrimPrefix(strings.TrimPrefix(glob, "./"), "/")
		p := p
		if wide {
			glob, p = strings.ToLower(glob), strings.ToLower(p)
		}
		if !strings.Contains(glob, "/") { // a name alone is meant in every folder
			p = path.Base(p)
		}
		if fits(glob, p) || !strings.ContainsAny(p, patterns) {
			return fits(glob, p)
		}
		return wide && (strings.ContainsAny(glob, patterns) || fits(p, glob) || !doublestar.ValidatePattern(p))
	})
}

// patterns are the characters by which shells and globs know a pattern.
const patterns = "*?[{"

func fits(glob, p string) bool {
	ok, _ := doublestar.Match(glob, p)
	return ok
}

// begins compares word by word: "npm test" begins "npm test --all", not "npm tests".
func begins(line, prefix string) bool {
	words, wanted := strings.Fields(line), strings.Fields(prefix)
	return len(words) >= len(wanted) && slices.Equal(words[:len(wanted)], wanted)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
