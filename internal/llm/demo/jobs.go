package demo

import (
	"fmt"
	"path"
	"strings"
)

// job is a task that the demo model plans as the manager, and does as one of the others.
type job struct {
	key, role, title, what string
	needs                  []string
	criteria               []string
	// reads are the files that are looked at before.
	reads []string
	files []file
	// adds is what a file is given that may have been there before, and keeps its text.
	adds *file
	// check is a command that shows the criteria; empty: the files show them.
	check string
	// looks: it reads all files, and writes none.
	looks bool
}

// crewWish is a request as the crew understands it: the page first, and a server behind it
// where that is asked for.
func crewWish(request string) wish {
	w := understand(request)
	w.shared = true
	text := patterns().behind.ReplaceAllString(w.text, "")
	if k := webKind(w.text); k != generic {
		w.kind = k
	} else if w.kind == api || w.kind == readme {
		w.kind = generic
	}
	w.title = titleOf(text, w.kind)
	return w
}

// jobs are what the crew does for a wish in a folder: the same whenever it is asked for.
func (w wish) jobs(folder string) ([]job, error) {
	docs := path.Join("docs", folder)
	at := func(name string) string { return path.Join(folder, name) }
	spec, architecture := path.Join(docs, "spec.md"), path.Join(docs, "architecture.md")
	v := w.view(folder)
	program, err := w.files(folder)
	if err != nil {
		return nil, err
	}
	v.Program, v.Run = names(program), w.run(program)
	all := []job{
		{
			key: "spec", role: "product-manager", title: "Say what is wanted",
			what:     "Write what is wanted to " + spec + ": user stories with acceptance criteria.",
			criteria: []string{spec + " has user stories with acceptance criteria"},
			files:    []file{{spec, "spec.md", "the specification"}},
		},
		{
			key: "architecture", role: "architect", title: "Decide how it is built", needs: []string{"spec"},
			what:     "Write the structure, the files and the reasons for them to " + architecture + ".",
			criteria: []string{architecture + " says which parts there are and how they meet"},
			reads:    []string{spec}, files: []file{{architecture, "architecture.md", "the architecture"}},
		},
	}
	build := []string{"architecture"}
	if w.server {
		schema := at("db/schema.sql")
		all = append(all, job{
			key: "data", role: "data-analyst", title: "Design the data", needs: []string{"spec"},
			what:     "Write the tables, keys and limits to " + schema + ", for SQLite.",
			criteria: []string{schema + " has the tables"},
			reads:    []string{spec}, files: []file{{schema, "schema.sql", "the tables"}},
		}, job{
			key: "backend", role: "engineer", title: "Build the backend", needs: []string{"architecture", "data"},
			what:     "Write " + at("server.py") + " with a test, " + at("test_server.py") + ". These files are yours; the page is somebody else's.",
			criteria: []string{"The tests in " + at("test_server.py") + " pass, or it is said why they could not be run"},
			reads:    []string{architecture, schema},
			files:    []file{{at("server.py"), "backend.py", "the server"}, {at("test_server.py"), "test_backend.py", "its tests"}},
			check:    inFolder(folder, "python3 -B -m unittest test_server"),
		})
		build = append(build, "data")
	}
	page := job{
		key: "page", role: "engineer", title: "Build the page", needs: build, reads: []string{architecture}, files: program,
		criteria: []string{"The page is there with all that it loads"},
		check:    pageCheck(folder, program),
	}
	if !w.kind.web() {
		page.title, page.criteria = "Write the program", []string{"The program is there, and is sound"}
		page.check = programCheck(folder, program)
	}
	page.what = "Write " + paths(program) + ". These files are yours."
	all = append(all, page)
	work := []string{"page"}
	if w.server {
		work = append(work, "backend")
	}
	ship := job{
		key: "package", role: "platform-engineer", title: "Package it", needs: work,
		what:     "Write a Dockerfile and a Makefile, and say in README.md how to run it.",
		criteria: []string{"There is one command to run it, and the README says which"},
		files:    []file{{at("Dockerfile"), "Dockerfile", "the image"}, {at("Makefile"), "Makefile", "run, test and image"}},
		adds:     &file{at("README.md"), "readme-crew.md", "how to run it"},
		check:    inFolder(folder, "make --dry-run run"),
	}
	made := append([]file{}, program...)
	if w.server {
		ship.files = append(ship.files, file{at(".dockerignore"), "dockerignore", "what the image doesn't need"})
		made = append(made, all[3].files...)
	}
	made = append(made, ship.files...)
	all = append(all, ship,
		job{
			key: "security", role: "security-engineer", title: "Look for security flaws in what was built", needs: []string{"package"},
			what: "Read what was built, and report each flaw.", looks: true, reads: names(made),
			criteria: []string{"What was built was looked at, and every flaw found is reported"},
		},
		job{
			key: "review", role: "product-manager", title: "Compare what was built with what was asked for", needs: []string{"package"},
			what: "Compare the files with " + spec + ", and name what is missing.", looks: true, reads: []string{spec},
			criteria: []string{"Everything that was asked for is there, or what is missing is named"},
		})
	for i := range all {
		if all[i].files, err = render(v, all[i].files...); err != nil {
			return nil, err
		}
		if all[i].adds != nil {
			rendered, err := render(v, *all[i].adds)
			if err != nil {
				return nil, err
			}
			all[i].adds = &rendered[0]
		}
	}
	return all, nil
}

// run is the command that runs what was built.
func (w wish) run(program []file) string {
	switch {
	case w.server:
		return "python3 server.py"
	case w.kind == golang:
		return "go run ."
	case w.kind == python:
		return "python3 " + path.Base(program[0].path)
	}
	return "python3 -m http.server 8000"
}

// inFolder is a command line that works in a folder of the project.
func inFolder(folder, line string) string {
	if folder == "" {
		return line
	}
	return "cd '" + folder + "' && " + line
}

// pageCheck looks whether all that the page loads is there.
func pageCheck(folder string, program []file) string {
	page := path.Base(program[0].path)
	var tests []string
	for _, f := range program[1:] {
		name := path.Base(f.path)
		tests = append(tests, fmt.Sprintf("test -s %s && grep -q %s %s", name, name, page))
	}
	return inFolder(folder, strings.Join(append([]string{"test -s " + page}, tests...), " && "))
}

// programCheck runs what reads a program without running it.
func programCheck(folder string, program []file) string {
	if path.Ext(program[0].path) == ".py" {
		return inFolder(folder, `python3 -B -c "import ast; ast.parse(open('`+path.Base(program[0].path)+`').read())"`)
	}
	return inFolder(folder, "go vet ./...")
}

func names(files []file) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = f.path
	}
	return out
}

func paths(files []file) string { return "`" + strings.Join(names(files), "`, `") + "`" }

// brief is what the demo model writes into a task's description beside the words, so that
// whoever does the task knows what it is a part of.
func brief(request, folder string) string {
	if folder == "" {
		folder = "."
	}
	return "\n\nThe request: " + strings.Join(strings.Fields(request), " ") + "\nThe folder: " + folder
}
