// Package document writes what a benchmark found into docs/benchmarks.md: each one
// its own section, in the place of its former.
package document

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// File is the document, seen from the repository's root.
const File = "docs/benchmarks.md"

// Write puts the section called name into file; "" only prints it. A name is a word,
// which stands in a comment before the section; what has no such comment is kept.
func Write(file, name, title, text string) error {
	section := fmt.Sprintf("## %s\n\n%s\n", title, strings.TrimSpace(text))
	fmt.Print("\n", section)
	if file == "" {
		return nil
	}
	raw, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, []byte(place(string(raw), name, section)), 0o644)
}

func mark(name string) string { return "<!-- " + name + " -->\n" }

// next is where a section ends: at the mark of another, or at a heading that has none.
var next = regexp.MustCompile(`(?m)^(<!-- [a-z-]+ -->|## )`)

// place replaces the section of that name, or appends it.
func place(document, name, section string) string {
	before, rest, found := strings.Cut(document, mark(name))
	if !found {
		return strings.TrimRight(document, "\n") + "\n\n" + mark(name) + section
	}
	after := ""
	if begin := strings.Index(rest, "## "); begin >= 0 {
		if end := next.FindStringIndex(rest[begin+1:]); end != nil {
			after = "\n" + rest[begin+1+end[0]:]
		}
	}
	return before + mark(name) + section + after
}

// Machine says where and when something was measured, and how busy that place is: of
// late, which a benchmark's own processes are a part of.
func Machine() string {
	return fmt.Sprintf("%s, %s, %s/%s, %d cores%s%s", time.Now().UTC().Format("2006-01-02"), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), memory(), load())
}

func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(raw), " ")
	five, _, _ := strings.Cut(rest, " ")
	return ", load average of 5 minutes " + five
}

func memory() string {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return ""
	}
	var kib int64
	if _, err := fmt.Sscanf(string(info), "MemTotal: %d kB", &kib); err != nil {
		return ""
	}
	return fmt.Sprintf(" shared by all processes, %d GiB", (kib+1<<19)>>20)
}
