package demo

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// next decides what to do where the scene stands.
func (s *scene) next() (move, error) {
	if t, given := s.assignment(); given {
		return s.work(t)
	}
	w := understand(s.request)
	if w.crew && s.tools["create_plan"] {
		return s.lead()
	}
	return s.alone(w)
}

// alone does what is asked for without others.
func (s *scene) alone(w wish) (move, error) {
	switch {
	case s.request == "" || w.chat:
		return s.chat(), nil
	case !s.tools["write_file"]:
		return s.powerless(w), nil
	}
	files, known := s.listing()
	if !known && s.tools["list_files"] {
		return s.look(w), nil
	}
	if w.change != nil {
		page := s.page(w, files)
		if page != "" && w.change.what != unclear {
			return s.alter(w.change, page, files), nil
		}
		if page != "" || !w.adding {
			return s.lost(page), nil
		}
	}
	return s.build(w, files)
}

// chat answers what asks for nothing to be done.
func (s *scene) chat() move {
	return move{say: "hello! I am a fixed script that shows how Zeblit works. Ask me to build something small: a to-do list, a counter, a calculator, a timer, notes, a quiz, a landing page, a blog, a Python or Go program, a JSON API or a README. Then ask for a change, such as another title or colour. " + howToConfigure}
}

// powerless answers when it was given no tool to write with.
func (s *scene) powerless(w wish) move {
	return move{say: fmt.Sprintf("you asked for this: “%s”. I would make %s called “%s”, but here I have no tools to write files with, so I can only say so. %s", quoteShort(s.request), w.kind.what(), w.title, howToConfigure)}
}

// look is the first turn: it says what will be done, and looks at what is there.
func (s *scene) look(w wish) move {
	args := map[string]string{}
	say := fmt.Sprintf("I'll make %s called “%s”", w.kind.what(), w.title)
	if w.body != "" {
		say = "I'll write `" + path.Join(w.folder, w.file) + "`"
	} else if w.folder != "" {
		say += " in the folder `" + w.folder + "`"
	}
	if w.change != nil {
		say = "I'll see whether I can make that change"
	}
	if w.folder != "" {
		args["path"] = w.folder
	}
	return move{say: say + ". First I look at the files that are there.", calls: []llm.ToolCall{call("list_files", args)}}
}

// page is the page that a change is meant for; empty: there is none.
func (s *scene) page(w wish, files []string) string {
	var all []string
	for _, f := range files {
		if path.Ext(f) == ".html" {
			all = append(all, f)
		}
	}
	for _, candidate := range []string{path.Join(w.folder, w.file), s.lastPage(all), path.Join(w.folder, "index.html")} {
		if slices.Contains(all, candidate) {
			return candidate
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return ""
}

// lost says that a change is beyond the script.
func (s *scene) lost(page string) move {
	say := "that is more than I can do. I am a fixed script: I can change a page's title (“make the title …”), its colour (“change the colour to green”), replace words (“replace … with …”) and add a section (“add a section about …”)."
	if page == "" {
		say = "there is no page here yet that I could change. Ask me to build one first, such as a to-do list or a landing page."
	}
	return move{say: say + " I changed nothing. " + howToConfigure}
}

// build writes the files of a wish, and in the end tells of them.
func (s *scene) build(w wish, existing []string) (move, error) {
	files, err := w.files(s.place(w, existing))
	if err != nil {
		return move{}, err
	}
	m, written, failed := s.write(files, existing)
	if len(m.calls) > 0 {
		return m, nil
	}
	return move{say: report(w, files, written, failed)}, nil
}

// write is the next move towards the files being written, each tried twice; without calls
// it is done, and tells which were written and which not.
func (s *scene) write(files []file, existing []string) (m move, written, failed []string) {
	var again []string
	var calls []llm.ToolCall
	for _, f := range files {
		tries, failures, last := s.attempts("write_file", f.path)
		switch {
		case tries == 0 && slices.Contains(existing, f.path) && s.tools["read_file"] && !s.lastIs("read_file", f.path):
			calls = append(calls, call("read_file", map[string]string{"path": f.path}))
		case tries == 0:
			calls = append(calls, call("write_file", map[string]string{"path": f.path, "text": f.text}))
		case !last.failed:
			written = append(written, fmt.Sprintf("- `%s`: %s", f.path, f.what))
		case failures == 1 && s.lastIs("write_file", f.path) && s.tools["read_file"]:
			again = append(again, fmt.Sprintf("`%s` could not be written (%s)", f.path, last.reason()))
			calls = append(calls, call("read_file", map[string]string{"path": f.path}))
		case failures == 1:
			calls = append(calls, call("write_file", map[string]string{"path": f.path, "text": f.text}))
		default:
			failed = append(failed, fmt.Sprintf("- `%s`: %s", f.path, last.reason()))
		}
	}
	switch {
	case len(again) > 0:
		return move{say: strings.Join(again, "; ") + ". I look at what is there and try once more.", calls: calls}, nil, nil
	case len(calls) > 0:
		return move{say: writing(calls), calls: calls}, nil, nil
	}
	return move{}, written, failed
}

func writing(calls []llm.ToolCall) string {
	var paths []string
	verb := "now I write "
	for _, c := range calls {
		paths = append(paths, "`"+newDeed(c).path+"`")
		if c.Name == "read_file" {
			verb = "there are such files already, so I read them first: "
		}
	}
	return verb + strings.Join(paths, ", ") + "."
}

func report(w wish, files []file, written, failed []string) string {
	var b strings.Builder
	if len(written) > 0 {
		b.WriteString("done. I wrote:\n\n" + strings.Join(written, "\n") + "\n\n")
	}
	if len(failed) > 0 {
		b.WriteString("These files could not be written, though I tried twice:\n\n" + strings.Join(failed, "\n") + "\n\n")
	}
	if len(failed) == 0 {
		b.WriteString(howToSee(w, files[0].path) + " ")
	}
	b.WriteString("I am a fixed script and made this from a template. " + howToConfigure)
	return b.String()
}

func howToSee(w wish, first string) string {
	in := ""
	if dir := path.Dir(first); dir != "." {
		in = "cd " + dir + " && "
	}
	switch {
	case w.body != "" || w.kind == readme:
		return "Open `" + first + "` among the project's files to see it."
	case w.kind == python || w.kind == api:
		return "Run it with `" + in + "python3 " + path.Base(first) + "`."
	case w.kind == golang:
		return "Run it with `" + in + "go run .`."
	}
	return "Open `" + first + "` in any browser to see it; it loads nothing from elsewhere."
}

// place is the folder to build in: the named one or the root, where nothing is in
// the way, else one below it that is named for what is built. A file that the user
// named goes where it was named.
func (s *scene) place(w wish, existing []string) string {
	files, err := w.files(w.folder)
	if err != nil || w.body != "" {
		return w.folder
	}
	free := func(files []file) bool {
		for _, f := range files {
			if slices.Contains(existing, f.path) {
				return false
			}
		}
		return true
	}
	if free(files) {
		return w.folder
	}
	for n := 1; ; n++ {
		name := slug(w.title)
		if n > 1 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		folder := path.Join(w.folder, name)
		if files, err := w.files(folder); err != nil || free(files) {
			return folder
		}
	}
}

// alter carries out a change, one edit a turn, each upon what was read before it.
func (s *scene) alter(c *change, page string, files []string) move {
	target := page
	if c.what == changeColour {
		if css := path.Join(path.Dir(page), "style.css"); slices.Contains(files, css) {
			target = css
		}
	}
	how := "edit_file"
	if !s.tools[how] {
		how = "write_file"
	}
	tries, failures, last := s.attempts(how, target)
	reads, unread, lastRead := s.attempts("read_file", target)
	text, known := s.content(target)
	readIt := call("read_file", map[string]string{"path": target})
	todo, place := c.edits(target, text)
	succeeded := tries > failures
	switch {
	case !s.tools["read_file"], unread > 1:
		return move{say: fmt.Sprintf("I couldn't read `%s` (%s), so I changed nothing. %s", target, lastRead.reason(), howToConfigure)}
	case !known && reads == 0:
		return move{say: "I read `" + target + "` to find the place.", calls: []llm.ToolCall{readIt}}
	case !known:
		return move{say: fmt.Sprintf("`%s` could not be read (%s). I try once more.", target, lastRead.reason()), calls: []llm.ToolCall{readIt}}
	case failures > 1:
		return move{say: fmt.Sprintf("the change to `%s` was refused twice: %s. I stop here. %s", target, last.reason(), howToConfigure)}
	case failures == 1 && s.lastIs(how, target) && last.failed:
		return move{say: fmt.Sprintf("that was refused (%s). I read `%s` again and try once more.", last.reason(), target), calls: []llm.ToolCall{readIt}}
	case succeeded && (len(todo) == 0 || c.what == swapText || tries > 5):
		return move{say: fmt.Sprintf("done: %s. I changed `%s`; reload the page to see it. %s", c.done(), target, howToConfigure)}
	case !place:
		return move{say: fmt.Sprintf("I read `%s` but found no single place in it for this change, so I changed nothing. I am a fixed script and can only do so much. %s", target, howToConfigure)}
	case len(todo) == 0:
		return move{say: fmt.Sprintf("there was nothing to do: `%s` has it that way already.", target)}
	}
	e := todo[0]
	if how == "write_file" {
		for _, e := range todo {
			text = strings.Replace(text, e.old, e.new, 1)
		}
		return move{say: "I write `" + target + "` with the change.", calls: []llm.ToolCall{call(how, map[string]string{"path": target, "text": text})}}
	}
	return move{say: "I make the change in `" + target + "`.", calls: []llm.ToolCall{call(how, map[string]string{"path": e.path, "old_text": e.old, "new_text": e.new})}}
}

// quoteShort is a request in one short line.
func quoteShort(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return string(r)
}
