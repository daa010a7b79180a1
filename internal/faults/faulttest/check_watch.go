package faulttest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Audience is what the checker found at the watchers.
type Audience struct {
	Watching map[string]Watching // by kind of client
	// Events that a watcher missed, got again, got after a later one, or got otherwise
	// than the log has them; and StreamResets, of which none is due.
	Gaps, Doubles, Disorder, Foreign, Resets int
}

func (a Audience) String() string {
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(a.Watching)) {
		t := a.Watching[kind]
		s := fmt.Sprintf("%s × %d: %d events, %d resumes", kind, t.Watchers, t.Delivered, t.Resumed)
		if t.Slow > 0 {
			s += fmt.Sprintf(", %d times too slow", t.Slow)
		}
		out = append(out, s)
	}
	return fmt.Sprintf("watchers: gaps %d, doubles %d, disorder %d, other texts %d, resets %d; %s",
		a.Gaps, a.Doubles, a.Disorder, a.Foreign, a.Resets, strings.Join(out, "; "))
}

// checkWatchers holds what each subscriber of a project received against the log.
func checkWatchers(p *Project, log []event, v *Verdict) {
	words := make([]string, len(log))
	for i, e := range log {
		words[i] = e.told()
	}
	for _, w := range p.watchers {
		checkWatcher(w, log, words, v)
	}
}

func checkWatcher(w *watcher, log []event, words []string, v *Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.Watching == nil {
		v.Watching = map[string]Watching{}
	}
	sum := v.Watching[w.kind]
	sum.Watchers++
	sum.Resumed += w.resumed
	sum.Slow += w.slow
	v.Resumed += w.resumed
	for _, p := range w.problems {
		v.wrong(other, "%s", p)
	}
	for _, why := range w.resets {
		v.Resets++
		v.wrong(lost, "a %s watcher of %s (%s) was told a StreamReset: %s", w.kind, w.project.ID, w.sight.name, why)
	}
	if len(w.records) == 0 && !w.sight.runs && len(log) > 0 {
		v.wrong(lost, "a %s watcher of %s (%s) never subscribed", w.kind, w.project.ID, w.sight.name)
	}
	for _, r := range w.records {
		sum.Delivered += len(r.got)
		v.Delivered += len(r.got)
		checkRecord(w, r, log, words, v)
	}
	v.Watching[w.kind] = sum
}

// checkRecord finds what is missing, double, out of order, or otherwise than the log
// has it, in what came of the part of the log that the watcher was to see.
func checkRecord(w *watcher, r *record, log []event, words []string, v *Verdict) {
	came := make([]bool, len(log))
	var gaps, doubles, disorder, foreign int
	example := ""
	highest := int64(0)
	for _, a := range r.got {
		i := a.seq - 1
		switch {
		case i < 0 || i >= int64(len(log)) || !w.sight.wants(log[i], r.run):
			foreign++
			if example == "" {
				example = "it was not to be told of that event"
			}
			continue
		case a.print != fingerprint(w.sight.shown(words[i])):
			foreign++
			if example == "" {
				example = "the log says " + words[i]
			}
		}
		switch {
		case came[i]:
			doubles++
		case a.seq < highest:
			disorder++
		}
		came[i] = true
		highest = max(highest, a.seq)
	}
	first := int64(0)
	wanted := 0
	for i, e := range log {
		if !w.sight.wants(e, r.run) {
			continue
		}
		wanted++
		if !came[i] {
			if gaps++; first == 0 {
				first = e.seq
			}
		}
	}
	v.Gaps, v.Doubles, v.Disorder, v.Foreign = v.Gaps+gaps, v.Doubles+doubles, v.Disorder+disorder, v.Foreign+foreign
	who := []any{w.kind, w.project.ID, w.sight.name}
	if gaps > 0 {
		v.wrong(lost, "a %s watcher of %s (%s) missed %d events of %d, number %d first (%s)", append(who, gaps, wanted, first, w.contact)...)
	}
	if doubles > 0 {
		v.wrong(doubled, "a %s watcher of %s (%s) got %d events twice", append(who, doubles)...)
	}
	if disorder > 0 {
		v.wrong(divergent, "a %s watcher of %s (%s) got %d events after a later one", append(who, disorder)...)
	}
	if foreign > 0 {
		v.wrong(divergent, "a %s watcher of %s (%s) got %d events otherwise; %s", append(who, foreign, example)...)
	}
}
