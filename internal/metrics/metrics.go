// Package metrics writes what a process counts in Prometheus' text format. It keeps
// no numbers of its own: each part of the program counts for itself, and a Source
// reads the counts when somebody asks, so that nobody pays for what nobody reads.
//
// Names follow Prometheus' conventions: a counter ends in _total, and the unit, a
// base unit, is in the name (_seconds, _bytes).
package metrics

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
)

// Source writes what one part of the process counts. It must not take long: who asks
// waits for it. ctx is the request's.
type Source func(ctx context.Context, w *Writer)

// Registry answers with everything that its sources write.
type Registry struct{ sources []Source }

// Register adds sources; all of them must be there before the first request.
func (r *Registry) Register(sources ...Source) { r.sources = append(r.sources, sources...) }

// ServeHTTP answers a scrape. Who may ask is for others to decide.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var out Writer
	for _, source := range r.sources {
		source(req.Context(), &out)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(out.text.Bytes()) // the client is gone
}

// Writer takes values. All values of one name are to follow each other.
type Writer struct {
	text   bytes.Buffer
	family string
}

// Counter writes a number that only rises while the process lives. labels are names
// and values in turn.
func (w *Writer) Counter(name, help string, value float64, labels ...string) {
	w.write("counter", name, help, value, labels)
}

// Gauge writes a number that rises and falls.
func (w *Writer) Gauge(name, help string, value float64, labels ...string) {
	w.write("gauge", name, help, value, labels)
}

var (
	helpText   = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (w *Writer) write(kind, name, help string, value float64, labels []string) {
	if name != w.family {
		w.family = name
		w.text.WriteString("# HELP " + name + " " + helpText.Replace(help) + "\n# TYPE " + name + " " + kind + "\n")
	}
	w.text.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		w.text.WriteByte("{,"[min(i, 1)])
		w.text.WriteString(labels[i] + `="` + labelValue.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 1 {
		w.text.WriteByte('}')
	}
	w.text.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}
