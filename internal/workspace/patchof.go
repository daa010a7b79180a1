package workspace

import (
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/linediff"
)

// PatchOf is a diff between two texts of one path, as people read it; "" is no file.
func PatchOf(path, before, after string) string {
	f := &FileDiff{Path: path}
	(&differ{}).hunks(f, linediff.Lines(before), linediff.Lines(after))
	var b strings.Builder
	from, to := "a/"+path, "b/"+path
	if before == "" {
		from = "/dev/null"
	}
	if after == "" {
		to = "/dev/null"
	}
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", ended(from), ended(to))
	for _, h := range f.Hunks {
		fmt.Fprintf(&b, "@@ -%s +%s @@\n", span(h.OldStart, h.OldLines), span(h.NewStart, h.NewLines))
		for _, l := range h.Lines {
			b.WriteByte(l.Kind)
			b.WriteString(l.Text + "\n")
		}
	}
	if f.Truncated {
		b.WriteString("… (more than is shown here)\n")
	}
	return b.String()
}
