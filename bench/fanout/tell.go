package main

import (
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/figure"
)

// column picks one figure of each round.
func column(samples []sample, of func(sample) float64) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = of(s)
	}
	return out
}

func rate(s sample) float64      { return s.rate }
func cpu(s sample) float64       { return s.cpu }
func p99(s sample) float64       { return s.p99 }
func bytes(s sample) float64     { return s.bytes }
func collected(s sample) float64 { return s.collected }

// tell writes what the crowds found: the medians of all rounds, and the medians of the
// ratios within each round, for all of a round is measured within a minute or two.
func (b *bench) tell(found results) {
	store := "SQLite"
	if b.pg {
		store = "PostgreSQL"
	}
	fmt.Fprintf(&b.text, `%s, %s.
Each figure is the median of %d rounds, in which the three servers take turns; each ratio is the median of the rounds'
own ratios. *zeblit*: the product's schema, transport, hub and log (on %s). *stock*: the same schema, resolvers, hub and
log behind gqlgen's own WebSocket transport on gorilla/websocket. *raw*: a broadcast on gorilla/websocket without GraphQL,
log or authentication, that puts each subscriber's id before a payload which is encoded once. All are watched by the same
client, a process of its own, which checks the number of every event of every socket. Saturated: the publisher is %d
events ahead of %.0f %% of the watchers.

| | server | messages/s | server's CPU for each | p50 | p99 | a batch is published in | client's CPU for each |
|---|---|---|---|---|---|---|---|
`, command(), document.Machine(), b.rounds, store, b.batches, 100*enough)
	for _, scenario := range []struct{ key, title string }{
		{fewOfOne, fmt.Sprintf("%d watchers of one run, saturated", b.few)},
		{manyOfOne, fmt.Sprintf("%d watchers of one run, saturated", b.many)},
		{fewOfMany, fmt.Sprintf("%d runs, 10 watchers each, saturated", b.few/10)},
		{bursts, fmt.Sprintf("the same, %d events of each run in a batch", burst)},
		{openLoop, fmt.Sprintf("%d watchers of one run, 10 events a second", b.few)},
	} {
		for _, kind := range kinds {
			all := found[scenario.key][kind]
			late := "| | "
			if scenario.key == openLoop {
				late = fmt.Sprintf("| %.1f ms | %.1f ms ", figure.Median(column(all, func(s sample) float64 { return s.p50 })), figure.Median(column(all, p99)))
			}
			fmt.Fprintf(&b.text, "| %s | %s | %.0f | %.1f µs %s| %.1f ms | %.1f µs |\n", scenario.title, kind,
				figure.Median(column(all, rate)), figure.Median(column(all, cpu)), late,
				figure.Median(column(all, func(s sample) float64 { return s.publish })), figure.Median(column(all, func(s sample) float64 { return s.load })))
		}
	}
	b.text.WriteString("\n| memory for each subscribed socket | zeblit | stock | raw |\n|---|---|---|---|\n")
	for _, row := range []struct {
		title string
		of    func(sample) float64
	}{
		{fmt.Sprintf("%d sockets, as it stands (RSS)", b.many), bytes},
		{"after a collection", collected},
	} {
		fmt.Fprintf(&b.text, "| %s ", row.title)
		for _, kind := range kinds {
			fmt.Fprintf(&b.text, "| %.1f KB ", figure.Median(column(found[atRest][kind], row.of))/1e3)
		}
		b.text.WriteString("|\n")
	}
	b.judge(found)
}

// judge holds the ratios to what was promised.
func (b *bench) judge(found results) {
	b.text.WriteString("\n| promise | to raw | to stock |\n|---|---|---|\n")
	for _, row := range []struct {
		title, scenario string
		of              func(sample) float64
		raw, stock      figure.Target
	}{
		{fmt.Sprintf("P1: messages/s, %d watchers of one run", b.few), fewOfOne, rate, figure.Target{Least: .8}, figure.Target{Least: 2}},
		{fmt.Sprintf("P1: messages/s, %d watchers of one run", b.many), manyOfOne, rate, figure.Target{Least: .8}, figure.Target{Least: 2}},
		{fmt.Sprintf("P2: messages/s, %d runs, 10 watchers each", b.few/10), fewOfMany, rate, figure.Target{Least: .75}, figure.Target{Least: 1.3}},
		{fmt.Sprintf("the same, %d events of each run in a batch", burst), bursts, rate, figure.Target{Least: .75}, figure.Target{Least: 1.3}},
		{fmt.Sprintf("P3: CPU for each message, %d watchers", b.few), fewOfOne, cpu, figure.Target{Most: 1.25}, figure.Target{Most: .4}},
		{"P4: p99 at 10 events a second", openLoop, p99, figure.Target{Most: 1.25}, figure.Target{Most: .5}},
		{"P5: memory for each socket", atRest, bytes, figure.Target{Most: 1.1}, figure.Target{Most: .8}},
		{"P5: the same after a collection", atRest, collected, figure.Target{Most: 1.1}, figure.Target{Most: .8}},
	} {
		to := func(kind string, target figure.Target) string {
			of := found[row.scenario]
			return target.Judge(figure.Median(figure.Ratios(column(of["zeblit"], row.of), column(of[kind], row.of))))
		}
		fmt.Fprintf(&b.text, "| %s | %s | %s |\n", row.title, to("raw", row.raw), to("stock", row.stock))
	}
	wrong := "0"
	if len(b.broken) > 0 {
		wrong = fmt.Sprintf("**%d cases of it**", len(b.broken))
	}
	fmt.Fprintf(&b.text, "| P4: lost, doubled, out of order, closed | %s | |\n", wrong)
	if len(b.odd) > 0 {
		fmt.Fprintf(&b.text, "\nWhat the baselines did not manage:\n\n- %s\n", strings.Join(b.odd, "\n- "))
	}
}
