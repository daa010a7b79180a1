package sandbox

import (
	"fmt"
	"log/slog"
	"strings"
)

// Report is what isolates sandboxes here, and what doesn't.
type Report struct {
	Driver string
	// Version is the program's behind the driver, as "bubblewrap 0.8.0".
	Version  string
	Measures []Measure
}

// Measure is one means of isolation.
type Measure struct {
	Name string // as "memory limit"
	On   bool
	// How says by what it is done, or why it isn't and what there is in its place.
	How string
}

// Add notes a measure.
func (r *Report) Add(name string, on bool, format string, args ...any) {
	r.Measures = append(r.Measures, Measure{Name: name, On: on, How: fmt.Sprintf(format, args...)})
}

// Off are the measures that don't hold here.
func (r Report) Off() []Measure {
	var off []Measure
	for _, m := range r.Measures {
		if !m.On {
			off = append(off, m)
		}
	}
	return off
}

// String is for people, a line for each measure.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", r.Driver, r.Version)
	for _, m := range r.Measures {
		mark := "on "
		if !m.On {
			mark = "OFF"
		}
		fmt.Fprintf(&b, "  %s  %-18s %s\n", mark, m.Name, m.How)
	}
	return b.String()
}

// LogValue is for a log line.
func (r Report) LogValue() slog.Value {
	var on, off []string
	for _, m := range r.Measures {
		if m.On {
			on = append(on, m.Name)
		} else {
			off = append(off, m.Name+": "+m.How)
		}
	}
	return slog.GroupValue(slog.String("driver", r.Driver), slog.String("version", r.Version),
		slog.String("on", strings.Join(on, ", ")), slog.String("off", strings.Join(off, "; ")))
}
