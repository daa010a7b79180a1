package demo

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// flaw is a pattern that the demo model looks for in files with one of the endings.
type flaw struct {
	endings []string
	re      *regexp.Regexp
	what    string
}

var flaws = sync.OnceValue(func() []flaw {
	re := regexp.MustCompile
	return []flaw{
		{[]string{".js", ".html"}, re(`\.(?:inner|outer)HTML\s*=|insertAdjacentHTML|document\.write\(|\beval\(`), "text becomes markup or code"},
		{[]string{".html"}, re(`(?:src|href)="https?://`), "something is loaded from elsewhere"},
		{[]string{".py"}, re(`shell=True|os\.system\(|\beval\(|\bexec\(|pickle\.loads?\(`), "input may be run"},
		{[]string{".py"}, re(`execute(?:many)?\(\s*f["']|execute(?:many)?\([^)]*["']\s*(?:%|\+)`), "SQL is put together from text"},
		{[]string{".py", ".js", ".html", ".md", ".sql", ""}, re(`(?i)(?:password|secret|api_?key|token)\s*[:=]\s*["'][^"']{8,}["']`), "a secret is in the file"},
	}
})

// inspect is the work of those who only look: at flaws, or at what is missing.
func (s *scene) inspect(a assignment, j job, jobs []job) (move, error) {
	m := s.read(j.reads)
	if len(m.calls) > 0 {
		if s.tools["list_files"] {
			m.calls = append(m.calls, call("list_files", map[string]string{}))
		}
		var scans []string
		for name := range s.tools {
			if strings.HasPrefix(name, "scan_") {
				scans = append(scans, name)
			}
		}
		slices.Sort(scans)
		for _, name := range scans {
			m.calls = append(m.calls, call(name, map[string]string{}))
		}
		m.say = "I look at what was built."
		return m, nil
	}
	said := s.compared(jobs)
	if j.role == "security-engineer" {
		said = s.suspicions()
	}
	said = oneLine(said)
	return s.show(a, map[string]any{"note": clipped(said)}, said), nil
}

// suspicions are what stands out in the files that were read, and what the scans said.
func (s *scene) suspicions() string {
	var found, scanned []string
	looked := 0
	for _, d := range s.done {
		switch {
		case strings.HasPrefix(d.tool, "scan_"):
			first, _, _ := strings.Cut(strings.TrimSpace(d.result), "\n")
			if _, found, told := strings.Cut(first, ". "); told {
				first = found // the sentence before says what was looked at
			}
			scanned = append(scanned, d.tool+": "+strings.TrimRight(first, ".:"))
		case d.tool == "read_file" && !d.failed:
			looked++
			found = append(found, suspicious(d.path, d.result)...)
		}
	}
	say := fmt.Sprintf("I read %d files and found nothing that looks dangerous", looked)
	if len(found) > 0 {
		say = fmt.Sprintf("I read %d files; these places look dangerous: %s", looked, strings.Join(found, "; "))
	}
	if len(scanned) > 0 {
		say += ". The scans say: " + strings.Join(scanned, "; ")
	}
	return say + ". A fixed script looks for a handful of patterns only: who may do what, and how it runs, was not assessed."
}

func suspicious(name, text string) (found []string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		for _, f := range flaws() {
			if slices.Contains(f.endings, path.Ext(name)) && f.re.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d: %s", name, n, f.what))
			}
		}
	}
	return found
}

var where = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("(?m)^Where: `([^`]+)`") })

// compared says which of the files that the specification and the plan speak of are there.
func (s *scene) compared(jobs []job) string {
	there, _ := s.listing()
	var wanted, missing []string
	stories := 0
	for _, d := range s.done {
		if d.tool != "read_file" || d.failed {
			continue
		}
		for _, m := range where().FindAllStringSubmatch(d.result, -1) {
			stories++
			wanted = append(wanted, m[1])
		}
	}
	for _, j := range jobs {
		wanted = append(wanted, names(j.files)...)
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	for _, f := range wanted {
		if !slices.Contains(there, f) {
			missing = append(missing, f)
		}
	}
	say := fmt.Sprintf("the specification has %d stories. Of the %d files that they and the plan speak of ", stories, len(wanted))
	if len(missing) > 0 {
		return say + "these are missing: " + strings.Join(missing, ", ") + "."
	}
	return say + "all are there. Whether they do what they should, the tests show and not I: a fixed script can't tell."
}
