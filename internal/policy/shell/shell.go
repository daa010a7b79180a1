// Package shell reads command lines before they run: which programs they call, and whether
// they destroy, reach other machines or change files.
//
// It is a reader, not a wall. What a line says openly it finds; what is only known when it
// runs, it says it can't read. A program that is run may do anything that the sandbox lets
// it: that is the wall.
package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Input is what is to run, as a line for sh -c or as a program with its arguments.
type Input struct {
	Line  string
	Argv  []string
	Stdin string
}

// Reading is what a command will do, as far as it says.
type Reading struct {
	// Commands are its programs, each with its arguments in one line.
	Commands []string
	// Words are all arguments and targets that may be names of files.
	Words []string
	// Looks says that it only looks: it changes no files and reaches no other machine.
	Looks bool
	// Network and Destroys say why, in words for people; empty: it does not.
	Network  []string
	Destroys []string
}

// reader is the state of reading one command.
type reader struct {
	Reading
	writes bool
	depth  int
	// elsewhere says that the line may have left the project's folder.
	elsewhere bool
	// steps counts what was read.
	steps int
}

const (
	// maxDepth is how many lines may be in each other, as in sh -c "sh -c …".
	maxDepth = 8
	// maxSteps is how many statements are read, each as often as it stands in others.
	maxSteps = 20000
)

// Read reads a command.
func Read(in Input) Reading {
	r := &reader{}
	if len(in.Argv) > 0 {
		words := make([]word, len(in.Argv))
		for i, a := range in.Argv {
			words[i] = word{text: a, known: true}
		}
		r.call(words, in.Stdin)
	} else {
		r.line(in.Line, in.Stdin)
	}
	if r.steps > maxSteps {
		r.destroys("is too long to be read before it runs")
	}
	r.Looks = !r.writes && len(r.Network) == 0 && len(r.Destroys) == 0
	return r.Reading
}

func (r *reader) destroys(why string) { r.Destroys = addTo(r.Destroys, why) }
func (r *reader) network(why string)  { r.Network = addTo(r.Network, why) }

func addTo(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// enter goes one level down. false: it is too deep, or too much was read already.
func (r *reader) enter(most int) bool {
	r.depth++
	r.steps++
	if r.depth <= most && r.steps <= maxSteps {
		return true
	}
	r.depth--
	r.destroys("is too long or too deep to be read before it runs")
	return false
}

func (r *reader) leave() { r.depth-- }

// line reads what a shell would be given. stdin is what the line's programs read.
func (r *reader) line(text, stdin string) {
	if !r.enter(maxDepth) {
		return
	}
	defer r.leave()
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		r.destroys("can't be read before it runs: " + err.Error())
		return
	}
	for _, s := range file.Stmts {
		r.statement(s, stdin, nil)
	}
}

// statement reads one statement; from are those whose output it reads.
func (r *reader) statement(s *syntax.Stmt, stdin string, from []*syntax.Stmt) {
	if r.steps++; r.steps > maxSteps {
		return // Read says so
	}
	for _, redirect := range s.Redirs {
		stdin = r.redirect(redirect, stdin)
	}
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		words := make([]word, len(c.Args))
		for i, a := range c.Args {
			words[i] = r.word(a)
		}
		for _, a := range c.Assigns {
			r.assign(a)
		}
		if len(from) > 0 && len(words) > 0 {
			r.fed(words, from)
		}
		if len(words) > 0 {
			r.call(words, stdin)
		}
	case *syntax.BinaryCmd:
		r.statement(c.X, stdin, from)
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			r.statement(c.Y, "", append(slices.Clone(from), c.X))
			return
		}
		r.statement(c.Y, stdin, from)
	case nil:
	default:
		r.compound(s.Cmd, stdin, from)
	}
}

// compound reads what holds other statements.
func (r *reader) compound(c syntax.Command, stdin string, from []*syntax.Stmt) {
	if f, ok := c.(*syntax.FuncDecl); ok && callsItself(f) {
		r.destroys("a function that calls itself without end")
	}
	syntax.Walk(c, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			r.statement(n, stdin, from)
			return false
		case *syntax.Word:
			r.word(n)
			return false
		case *syntax.Assign:
			r.assign(n)
			return false
		}
		return true
	})
}

func callsItself(f *syntax.FuncDecl) bool {
	again := false
	syntax.Walk(f.Body, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 && c.Args[0].Lit() == f.Name.Value {
			again = true
		}
		return true
	})
	return again
}

func (r *reader) assign(a *syntax.Assign) {
	if a.Value != nil {
		r.word(a.Value)
	}
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			if e.Value != nil {
				r.word(e.Value)
			}
		}
	}
	if a.Name != nil && slices.Contains([]string{"PATH", "LD_PRELOAD", "BASH_ENV", "ENV", "IFS"}, a.Name.Value) {
		r.destroys("sets " + a.Name.Value + ", by which any name may mean another program")
	}
}

// redirect reads where output goes, and returns what the statement reads.
func (r *reader) redirect(d *syntax.Redirect, stdin string) string {
	if d.Hdoc != nil {
		w := r.word(d.Hdoc)
		if !w.known {
			return stdin + "\n" + unknown
		}
		return w.text
	}
	if d.Word == nil {
		return stdin
	}
	target := r.word(d.Word)
	switch d.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.RdrInOut, syntax.RdrClob:
		switch {
		case !target.known:
			r.writes = true
		case target.text == "/dev/null", target.text == "/dev/stdout", target.text == "/dev/stderr", target.text == "/dev/tty":
		case strings.HasPrefix(target.text, "/dev/tcp/"), strings.HasPrefix(target.text, "/dev/udp/"):
			r.reach(strings.Split(strings.TrimPrefix(target.text[5:], "/"), "/")[1], "opens a connection")
		case strings.HasPrefix(target.text, "/dev/"):
			r.writes = true
			r.destroys("writes to the device " + target.text)
		default:
			r.writes = true
		}
	case syntax.WordHdoc:
		if target.known {
			return target.text
		}
		return unknown
	case syntax.RdrIn:
		return unknown // a file that is not read here
	}
	return stdin
}

// unknown stands for text that is only there when the line runs.
const unknown = "\x00"
