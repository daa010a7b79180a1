package demo

import (
	"embed"
	"encoding/json"
	htmltemplate "html/template"
	"path"
	"strings"
	"text/template"
)

//go:embed pages/*.tmpl
var pages embed.FS

// kind is what the demo model can build.
type kind string

const (
	generic    kind = "generic"
	todo       kind = "todo"
	counter    kind = "counter"
	calculator kind = "calculator"
	timer      kind = "timer"
	notes      kind = "notes"
	quiz       kind = "quiz"
	landing    kind = "landing"
	blog       kind = "blog"
	python     kind = "python"
	golang     kind = "go"
	api        kind = "api"
	readme     kind = "readme"
)

// kinds tells of each: its title where the request has none, the line below the
// title, what it is in a sentence, its colour, and whether it has a script.
var kinds = map[kind]struct {
	title, lead, what, accent string
	script                    bool
}{
	generic:    {"New page", "A starting point, ready to be filled.", "a page to start from", "#4f46e5", false},
	todo:       {"To-do list", "One thing at a time.", "a to-do list that keeps its tasks in the browser", "#4f46e5", true},
	counter:    {"Counter", "Count anything, up or down.", "a counter that keeps its value in the browser", "#0f766e", true},
	calculator: {"Calculator", "Works with the mouse and the keyboard.", "a calculator", "#2563eb", true},
	timer:      {"Timer", "Pick a length, then focus.", "a countdown timer", "#dc2626", true},
	notes:      {"Notes", "Write it down, find it again.", "a notebook that keeps its notes in the browser", "#a16207", true},
	quiz:       {"Quiz", "Five questions. How many do you get?", "a quiz with five questions", "#7e22ce", true},
	landing:    {"Welcome", "Good to have you here.", "a landing page", "#2563eb", false},
	blog:       {"Blog", "Short posts, written with care.", "a blog with two first posts", "#be185d", false},
	python:     {title: "Python program", what: "a small Python program"},
	golang:     {title: "Go program", what: "a small Go program"},
	api:        {title: "Items API", what: "a small JSON API in Python, without dependencies"},
	readme:     {title: "Project", what: "a README to fill in"},
}

func (k kind) title() string { return kinds[k].title }
func (k kind) what() string  { return kinds[k].what }

// web reports whether it is a page for the browser.
func (k kind) web() bool { return kinds[k].accent != "" }

// kindOf finds what a request is about by whole words; the first mentioned wins.
func kindOf(text string) kind {
	p := patterns()
	switch {
	case p.goLang.MatchString(text):
		return golang
	case p.python.MatchString(text) && !p.api.MatchString(text):
		return python
	case p.api.MatchString(text):
		return api
	case p.docs.MatchString(text):
		return readme
	}
	found := webKind(text)
	if found == generic && p.program.MatchString(text) {
		return python
	}
	return found
}

// webKind is the kind of page that a text mentions first.
func webKind(text string) kind {
	found, at := generic, len(text)
	for _, w := range patterns().web {
		if m := w.re.FindStringIndex(text); m != nil && m[0] < at {
			found, at = w.kind, m[0]
		}
	}
	return found
}

// file is a file to write.
type file struct{ path, text, what string }

// view is what the templates are given.
type view struct {
	Kind             kind
	Title, Lead      string
	Accent, OnAccent string
	Key              string // in the browser's storage
	Request          string
	Script           bool
	Server           bool // a server keeps what the page is given
	Web              bool
	Folder           string   // in which it is built; empty: the project's root
	Program          []string // the files that people use
	Run              string   // the command that runs it
	Slug             string
}

// files are those that fulfil a wish, in a folder.
func (w wish) files(folder string) ([]file, error) {
	at := func(name string) string { return path.Join(folder, name) }
	if w.body != "" {
		return []file{{at(w.file), strings.TrimRight(w.body, "\n") + "\n", "as you worded it"}}, nil
	}
	k, v := w.kind, w.view(folder)
	program := "hello"
	switch p := patterns(); {
	case p.fibonacci.MatchString(w.text):
		program = "fibonacci"
	case p.tasks.MatchString(w.text):
		program = "tasks"
	}
	switch k {
	case python:
		return render(v, file{at(or(w.file, ".py", "main.py")), program + ".py", "the program"})
	case golang:
		return render(v, file{at(or(w.file, ".go", "main.go")), program + ".go", "the program"},
			file{at("go.mod"), "module example.com/" + slug(w.title) + "\n\ngo 1.22\n", "its module"})
	case api:
		return render(v, file{at(or(w.file, ".py", "server.py")), "server.py", "the server"},
			file{at("README.md"), "api.md", "how to use it"})
	case readme:
		return render(v, file{at(or(w.file, ".md", "README.md")), "readme.md", "the README"})
	}
	page := at(or(w.file, ".html", "index.html"))
	beside := func(name string) string { return path.Join(path.Dir(page), name) }
	list := []file{{page, "index.html", "the page"}, {beside("style.css"), "style.css", "how it looks"}}
	if v.Script {
		list = append(list, file{beside("app.js"), "app.js", "how it works"})
	}
	return render(v, list...)
}

// view is what the templates of a wish are given.
func (w wish) view(folder string) view {
	k := w.kind
	accent, on := colour(kinds[k].accent)
	for word := range strings.FieldsFuncSeq(strings.ToLower(w.text), func(r rune) bool { return !strings.ContainsRune("#abcdefghijklmnopqrstuvwxyz0123456789", r) }) {
		if a, o := colour(word); a != "" && k.web() {
			accent, on = a, o
		}
	}
	return view{
		Kind: k, Title: w.title, Lead: kinds[k].lead, Accent: accent, OnAccent: on,
		Key: "zeblit-demo-" + string(k) + "-" + slug(path.Join(folder, w.title)), Request: w.text, Script: kinds[k].script,
		Server: w.shared && w.server, Web: k.web(), Folder: folder, Slug: slug(w.title),
	}
}

// At is the path of a file in the folder in which it is built.
func (v view) At(name string) string { return path.Join(v.Folder, name) }

// or is the named file where its kind fits, else the usual name.
func or(named, ext, usual string) string {
	if path.Ext(named) == ext {
		return named
	}
	return usual
}

// render fills in the templates that the files' texts name.
func render(v view, list ...file) ([]file, error) {
	for i := range list {
		var err error
		switch f := &list[i]; f.text {
		case "index.html":
			f.text, err = renderHTML(v)
		case "style.css":
			f.text, err = renderText(v, "style.css.tmpl", string(v.Kind)+".css.tmpl")
		case "app.js":
			f.text, err = renderText(v, string(v.Kind)+".js.tmpl")
		default:
			if !strings.Contains(f.text, "\n") { // else it is the text itself
				f.text, err = renderText(v, f.text+".tmpl")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func renderHTML(v view) (string, error) {
	t, err := htmltemplate.ParseFS(pages, "pages/layout.html.tmpl", "pages/"+string(v.Kind)+".html.tmpl")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.ExecuteTemplate(&b, "layout.html.tmpl", v)
	return b.String(), err
}

func renderText(v view, names ...string) (string, error) {
	t := template.New(names[0]).Funcs(template.FuncMap{
		"json": func(s string) (string, error) {
			raw, err := json.Marshal(s)
			return string(raw), err
		},
		// A title may hold anything; in a comment or a heading it is one line.
		"comment": func(mark, s string) string { return mark + strings.Join(strings.Fields(s), " ") },
		"line": func(s string) string {
			return strings.NewReplacer("<", "&lt;", "`", "'").Replace(strings.Join(strings.Fields(s), " "))
		},
	})
	for i := range names {
		names[i] = "pages/" + names[i]
	}
	t, err := t.ParseFS(pages, names...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, v)
	return b.String(), err
}

// slug is text as a short name of [a-z0-9-].
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	if out := strings.Trim(b.String(), "-"); out != "" {
		return out
	}
	return "page"
}
