package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"
)

const head = `# Reliability

What is promised when things break, and what came of breaking them. ` + "`make soak`" + ` writes this document: each section
is of the latest run of its part (` + "`go run ./bench/soak -only PART`" + `). Unless a section says otherwise, two servers and
three workers run as processes of their own, built with crash points, on a private PostgreSQL and a private Redis behind
proxies; a scripted model answers by the transcript alone, so that a disturbed run must end as an undisturbed one did. The
judge reads the database by plain SQL, what every subscriber received, what the model was asked, and what tools did outside
of the database; it shares no code with the engine. CI runs a short form of it, ` + "`go test ./internal/faults`" + `.
`

// writeSection puts a part's section into the document, in the place of its former one.
func writeSection(document string, p part, done section) error {
	raw, err := os.ReadFile(document)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old := sections(string(raw))
	old[p.name] = fmt.Sprintf("## %s\n\n%s\n\n%s\n", p.title, place(p), strings.TrimSpace(done.text))
	var b strings.Builder
	b.WriteString(head)
	for _, each := range parts {
		if text, ok := old[each.name]; ok {
			fmt.Fprintf(&b, "\n<!-- %s -->\n%s", each.name, text)
		}
	}
	return os.WriteFile(document, []byte(b.String()), 0o644)
}

// place says how, where and when.
func place(p part) string {
	given := ""
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "only" && f.Name != "o" {
			given += fmt.Sprintf(" -%s %s", f.Name, f.Value)
		}
	})
	return fmt.Sprintf("`go run ./bench/soak -only %s%s`, %s, %s %s/%s, %d cores.",
		p.name, given, time.Now().UTC().Format("2006-01-02"), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

// sections finds what the document has, by part.
func sections(document string) map[string]string {
	out := map[string]string{}
	for _, p := range parts {
		_, rest, found := strings.Cut(document, "\n<!-- "+p.name+" -->\n")
		if !found {
			continue
		}
		text, _, _ := strings.Cut(rest, "\n<!-- ")
		out[p.name] = strings.TrimSuffix(text, "\n") + "\n"
	}
	return out
}
