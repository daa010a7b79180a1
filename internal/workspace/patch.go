package workspace

import (
	"fmt"
	"strconv"
	"strings"
)

// Patch is a diff as `git apply` takes it. Of binary files it says only that they
// differ, and what the diff leaves out is missing.
func (d *Diff) Patch() string {
	var b strings.Builder
	for _, f := range d.Files {
		f.patch(&b)
	}
	return b.String()
}

// Patch is the file's part of Diff.Patch.
func (f FileDiff) Patch() string {
	var b strings.Builder
	f.patch(&b)
	return b.String()
}

func (f FileDiff) patch(b *strings.Builder) {
	from, to := "a/"+f.Path, "b/"+f.Path
	if f.Previous != "" {
		from = "a/" + f.Previous
	}
	fmt.Fprintf(b, "diff --git %s %s\n", quoted(from), quoted(to))
	switch {
	case f.Status == Added:
		fmt.Fprintf(b, "new file mode %s\n", modeWord(f.New.Mode))
	case f.Status == Deleted:
		fmt.Fprintf(b, "deleted file mode %s\n", modeWord(f.Old.Mode))
	case f.Old.Mode != f.New.Mode:
		fmt.Fprintf(b, "old mode %s\nnew mode %s\n", modeWord(f.Old.Mode), modeWord(f.New.Mode))
	}
	if f.Status == Renamed {
		fmt.Fprintf(b, "similarity index %d%%\nrename from %s\nrename to %s\n", f.Similarity, quoted(f.Previous), quoted(f.Path))
	}
	if f.Old.Revision == f.New.Revision {
		return
	}
	fmt.Fprintf(b, "index %s..%s", orZero(f.Old.Revision), orZero(f.New.Revision))
	if f.Old.Mode == f.New.Mode {
		b.WriteString(" " + modeWord(f.New.Mode))
	}
	b.WriteString("\n")
	if f.Status == Added {
		from = "/dev/null"
	}
	if f.Status == Deleted {
		to = "/dev/null"
	}
	if f.IsBinary {
		fmt.Fprintf(b, "Binary files %s and %s differ\n", quoted(from), quoted(to))
		return
	}
	if len(f.Hunks) == 0 {
		return
	}
	fmt.Fprintf(b, "--- %s\n+++ %s\n", ended(from), ended(to))
	for _, h := range f.Hunks {
		fmt.Fprintf(b, "@@ -%s +%s @@\n", span(h.OldStart, h.OldLines), span(h.NewStart, h.NewLines))
		for _, l := range h.Lines {
			b.WriteByte(l.Kind)
			b.WriteString(l.Text)
			b.WriteByte('\n')
			if l.NoNewline {
				b.WriteString("\\ No newline at end of file\n")
			}
		}
	}
}

func span(start, lines int) string {
	if lines == 1 {
		return strconv.Itoa(start)
	}
	return fmt.Sprintf("%d,%d", start, lines)
}

func modeWord(m Mode) string {
	switch m {
	case Executable:
		return "100755"
	case Symlink:
		return "120000"
	}
	return "100644"
}

func orZero(revision string) string {
	if revision == "" {
		return strings.Repeat("0", 40)
	}
	return revision
}

// quoted is a path as git writes it where it could be misread: paths hold neither
// control characters nor backslashes.
func quoted(path string) string {
	if !strings.Contains(path, `"`) {
		return path
	}
	return `"` + strings.ReplaceAll(path, `"`, `\"`) + `"`
}

// ended marks the end of a path with spaces, after which git itself writes a tab.
func ended(path string) string {
	path = quoted(path)
	if strings.Contains(path, " ") {
		path += "\t"
	}
	return path
}
