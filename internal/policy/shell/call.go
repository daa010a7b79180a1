package shell

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call reads a program with its arguments.
func (r *reader) call(words []word, stdin string) {
	if !r.enter(2 * maxDepth) {
		return
	}
	defer r.leave()
	if !words[0].known || words[0].text == "" {
		r.writes = true
		r.destroys("runs a program whose name is only known when it runs")
		return
	}
	name := strings.ToLower(path.Base(words[0].text))
	args := words[1:]
	for _, a := range args {
		r.Words = append(r.Words, a.text, afterEquals(a.text))
	}
	r.Commands = append(r.Commands, strings.Join(texts(append([]word{{text: name}}, args...)), " "))
	if inner, ok := unwrap(name, args); ok {
		if len(inner) > 0 {
			r.call(inner, stdin)
		}
		return
	}
	if !looks(name, args) {
		r.writes = true
	}
	switch {
	case shells[name]:
		r.shell(name, args, stdin)
	case name == "eval" || name == "source" || name == "." || name == "trap":
		r.evaluated(name, args)
	case name == "cd" || name == "pushd":
		r.moved(args)
	case interpreters[name] != "":
		r.interpreter(name, args, stdin)
	case name == "xargs" || name == "parallel":
		r.xargs(args)
	case name == "find":
		r.find(args)
	default:
		r.program(name, args, stdin)
	}
}

var shells = set("sh bash dash zsh ksh ash fish busybox")

// interpreters run a program text that follows the flag.
var interpreters = map[string]string{
	"python": "-c", "python2": "-c", "python3": "-c", "node": "-e", "nodejs": "-e", "deno": "eval", "bun": "-e",
	"perl": "-e", "ruby": "-e", "php": "-r", "lua": "-e", "awk": "", "gawk": "",
}

// unwrap takes off programs that only run another.
func unwrap(name string, args []word) ([]word, bool) {
	skip := func(valued string) []word {
		i := 0
		for i < len(args) {
			a := args[i].text
			if strings.Contains(a, "=") && name == "env" && !strings.HasPrefix(a, "-") {
				i++
				continue
			}
			if !strings.HasPrefix(a, "-") || a == "-" {
				break
			}
			i++
			if a == "--" {
				break
			}
			if len(a) == 2 && strings.Contains(valued, a[1:]) {
				i++
			}
		}
		return args[min(i, len(args)):]
	}
	switch name {
	case "env":
		return skip("uCS"), true
	case "sudo", "doas":
		return skip("ugpCh"), true
	case "nohup", "setsid", "command", "exec", "builtin", "unbuffer", "catchsegv", "then", "do":
		return skip("a"), true
	case "time":
		return skip("fo"), true
	case "nice", "ionice", "chrt":
		return skip("ncp"), true
	case "stdbuf":
		return skip("ioe"), true
	case "timeout":
		rest := skip("ks")
		return rest[min(1, len(rest)):], true
	case "watch":
		return skip("n"), true
	case "npx", "bunx", "pnpx", "uvx", "pipx":
		return nil, false
	}
	return nil, false
}

// shell reads what a shell is told to run.
func (r *reader) shell(name string, args []word, stdin string) {
	if name == "busybox" {
		if len(args) > 0 {
			r.call(args, stdin)
		}
		return
	}
	for i, a := range args {
		if !a.known {
			r.destroys("gives a shell what is only known when it runs")
			return
		}
		if strings.HasPrefix(a.text, "-") && !strings.HasPrefix(a.text, "--") && strings.Contains(a.text, "c") {
			if i+1 < len(args) {
				r.told(args[i+1])
			}
			return
		}
		if !strings.HasPrefix(a.text, "-") && a.text != "-" {
			return // a script's file
		}
	}
	r.piped(stdin)
}

// told reads a line that a shell is given as an argument.
func (r *reader) told(w word) {
	if !w.known {
		r.destroys("gives a shell what is only known when it runs")
		return
	}
	r.line(w.text, "")
}

// piped reads what a shell is given as its input.
func (r *reader) piped(stdin string) {
	switch {
	case strings.Contains(stdin, unknown):
		r.destroys("gives a shell what is only known when it runs")
	case stdin != "":
		r.line(stdin, "")
	}
}

// fed reads a program that gets the output of others: a shell runs what they say.
func (r *reader) fed(words []word, from []*syntax.Stmt) {
	name := strings.ToLower(path.Base(words[0].text))
	for inner, ok := unwrap(name, words[1:]); ok && len(inner) > 0; inner, ok = unwrap(name, words[1:]) {
		words, name = inner, strings.ToLower(path.Base(inner[0].text))
	}
	plain := !slices.ContainsFunc(words[1:], func(w word) bool { return !strings.HasPrefix(w.text, "-") })
	if (shells[name] && name != "busybox" || interpreters[name] != "" && name != "awk" && name != "gawk") && plain {
		r.destroys("runs whatever another program puts out (" + name + ")")
	}
	if clients[name] {
		for _, s := range from {
			syntax.Walk(s, func(n syntax.Node) bool {
				if r.steps++; r.steps > maxSteps {
					return false
				}
				if w, ok := n.(*syntax.Word); ok {
					r.sql(r.word(w).text)
				}
				return true
			})
		}
	}
}

func (r *reader) evaluated(name string, args []word) {
	var line []string
	for _, a := range args {
		if !a.known {
			r.destroys("gives the shell what is only known when it runs")
			return
		}
		line = append(line, a.text)
	}
	switch name {
	case "eval":
		r.line(strings.Join(line, " "), "")
	case "trap":
		if len(line) > 0 && line[0] != "-" {
			r.line(line[0], "")
		}
	}
}

// moved notes that the line goes to another folder.
func (r *reader) moved(args []word) {
	if len(args) == 0 || !args[0].known || strings.HasPrefix(args[0].text, "/") || strings.HasPrefix(args[0].text, "-") || slices.Contains(strings.Split(args[0].text, "/"), "..") {
		r.elsewhere = true
	}
}

func (r *reader) interpreter(name string, args []word, stdin string) {
	flag := interpreters[name]
	for i, a := range args {
		if flag == "" {
			r.code(a.text)
			continue
		}
		switch {
		case a.text == flag || a.text == "--eval" || a.text == "-p" || a.text == "-E", a.text == "-m" && i+1 < len(args):
			if i+1 == len(args) {
				return
			}
			if a.text == "-m" {
				r.program(args[i+1].text, args[i+2:], stdin)
				return
			}
			if !args[i+1].known {
				r.destroys("runs a program text that is only known when it runs")
			}
			r.code(args[i+1].text)
			return
		case strings.HasPrefix(a.text, flag) && len(flag) == 2 && len(a.text) > 2:
			r.code(a.text[2:])
			return
		case !strings.HasPrefix(a.text, "-"):
			if name == "deno" || name == "bun" {
				r.program(name, args, stdin)
			}
			return
		}
	}
	if strings.Contains(stdin, unknown) {
		return // a file of the project's
	}
	r.code(stdin)
}

// xargs reads the program that is run with what comes in as arguments.
func (r *reader) xargs(args []word) {
	i := 0
	for i < len(args) && strings.HasPrefix(args[i].text, "-") {
		if len(args[i].text) == 2 && strings.Contains("ILndPsEa", args[i].text[1:]) {
			i++
		}
		i++
	}
	if i < len(args) {
		r.call(append(slices.Clone(args[i:]), word{text: "$input"}), "")
	}
}

func (r *reader) find(args []word) {
	narrowed := slices.ContainsFunc(args, func(a word) bool {
		return slices.Contains([]string{"-name", "-iname", "-path", "-regex", "-newer", "-mtime", "-size", "-empty"}, a.text)
	})
	for i, a := range args {
		switch a.text {
		case "-delete":
			r.writes = true
			root := args[0]
			if !narrowed || !root.known || r.whole(root.text) && root.text != "." && root.text != "./" {
				r.destroys("deletes all that it finds below " + root.text)
			}
		case "-exec", "-execdir", "-ok", "-okdir":
			end := slices.IndexFunc(args[i+1:], func(w word) bool { return w.text == ";" || w.text == "+" })
			inner := args[i+1:]
			if end >= 0 {
				inner = inner[:end]
			}
			if len(inner) == 0 {
				continue
			}
			inner = slices.Clone(inner)
			for j := range inner {
				if inner[j].text == "{}" {
					inner[j] = word{text: "found-file", known: narrowed}
				}
			}
			r.call(inner, "")
			return
		}
	}
}

func texts(words []word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.text
	}
	return out
}

func afterEquals(s string) string {
	_, after, _ := strings.Cut(s, "=")
	return after
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}
