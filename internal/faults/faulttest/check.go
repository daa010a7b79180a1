package faulttest

import (
	"context"
	"fmt"
	"strings"
)

// Check judges everything that came of a load, once it has left. It adds to the
// verdict what it finds.
func Check(ctx context.Context, in *Installation, l *Load, v *Verdict) error {
	v.Seed, v.Kills, v.Messages, v.Retries = in.o.Seed, in.Kills(), len(l.Sent()), len(l.errors)
	v.Refused, v.Hardest = refused(in), hardest(in)
	for _, o := range l.errors {
		v.Reasons = append(v.Reasons, reason(o.err))
	}
	for _, problem := range l.refuse {
		v.wrong(other, "%s", problem)
	}
	diverged, asked := in.Model.Diverged()
	v.Requests = asked
	for _, d := range diverged {
		v.wrong(divergent, "a transcript: %s", d)
	}
	r, err := readRows(ctx, in)
	if err != nil {
		return err
	}
	checkMessages(r, l, v)
	for _, run := range r.runs {
		checkRun(r, run, v)
	}
	counted, err := in.Counter.Read()
	if err != nil {
		return err
	}
	checkCounted(r, counted, v)
	for _, p := range l.Projects {
		if err := checkEvents(ctx, in, r, p, v); err != nil {
			return err
		}
		if err := checkFiles(ctx, in, l, p, v); err != nil {
			return err
		}
	}
	if in.o.SQLite {
		return nil
	}
	return checkAudit(ctx, in, v)
}

// The rows, as plain SQL reads them.
type (
	runRow struct {
		id, message, state, err string
		step                    int
		owner                   string
		until                   int64
	}
	messageRow struct {
		id, conversation, run, role, status, text string
		position                                  int
	}
	callRow struct {
		id, run, message, vendorID, name, input, output, state string
	}
	rows struct {
		runs     map[string]*runRow
		messages []*messageRow // by conversation, in order
		byID     map[string]*messageRow
		calls    []*callRow // by message, in order
	}
)

func readRows(ctx context.Context, in *Installation) (*rows, error) {
	r := &rows{runs: map[string]*runRow{}, byID: map[string]*messageRow{}}
	err := query(ctx, in, "SELECT id, message_id, state, error, step, lease_owner, lease_until FROM runs", func(scan func(...any) error) error {
		x := &runRow{}
		defer func() { r.runs[x.id] = x }()
		return scan(&x.id, &x.message, &x.state, &x.err, &x.step, &x.owner, &x.until)
	})
	if err != nil {
		return nil, err
	}
	err = query(ctx, in, "SELECT id, conversation_id, COALESCE(run_id, ''), role, status, text, position FROM messages ORDER BY conversation_id, position", func(scan func(...any) error) error {
		x := &messageRow{}
		defer func() { r.byID[x.id] = x }()
		r.messages = append(r.messages, x)
		return scan(&x.id, &x.conversation, &x.run, &x.role, &x.status, &x.text, &x.position)
	})
	if err != nil {
		return nil, err
	}
	return r, query(ctx, in, "SELECT id, run_id, message_id, call_id, name, input, output, state FROM tool_calls ORDER BY message_id, position", func(scan func(...any) error) error {
		x := &callRow{}
		r.calls = append(r.calls, x)
		return scan(&x.id, &x.run, &x.message, &x.vendorID, &x.name, &x.input, &x.output, &x.state)
	})
}

func query(ctx context.Context, in *Installation, statement string, each func(scan func(...any) error) error, args ...any) error {
	found, err := in.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		if err := each(found.Scan); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return found.Err()
}

// checkMessages holds what was accepted against what is there: each once, and nothing
// that nobody sent.
func checkMessages(r *rows, l *Load, v *Verdict) {
	times := map[string]int{}
	sent := map[string]bool{}
	last := map[string]int{}
	for _, m := range r.messages {
		if next, begun := last[m.conversation]; m.position != next || !begun && m.position != 0 {
			v.wrong(other, "conversation %s has position %d where %d is next", m.conversation, m.position, next)
		}
		last[m.conversation] = m.position + 1
		if m.role == "USER" {
			times[m.text]++
		}
	}
	for _, s := range l.Sent() {
		sent[s.Text] = true
		switch n := times[s.Text]; {
		case n == 0:
			v.wrong(lost, "message %s (task %d) was accepted and isn't there", s.Message, s.Task)
			continue
		case n > 1:
			v.wrong(doubled, "message %s (task %d) is there %d times", s.Message, s.Task, n)
		}
		run := r.runs[s.Run]
		switch {
		case run == nil:
			v.wrong(lost, "run %s of message %s isn't there", s.Run, s.Message)
		case run.message != s.Message:
			v.wrong(other, "run %s answers %s, not %s", run.id, run.message, s.Message)
		case !final(run.state):
			v.wrong(unended, "run %s (task %d) is still %s at step %d", run.id, s.Task, run.state, run.step)
		case run.state != "SUCCEEDED":
			v.wrong(lost, "run %s (task %d) %s: %s", run.id, s.Task, run.state, run.err)
		case run.owner != "" || run.until != 0:
			v.wrong(other, "run %s has ended and has a lease", run.id)
		}
	}
	for _, text := range l.noted {
		if times[text] == 0 {
			v.wrong(lost, "a note was accepted and isn't there: %s", text)
		}
	}
	for text, n := range times {
		switch {
		case strings.HasPrefix(text, note) && n > 1:
			v.wrong(doubled, "a note is there %d times: %s", n, text)
		case !strings.HasPrefix(text, note) && !sent[text]:
			v.wrong(other, "a message that was not accepted is there: %s", text)
		}
	}
}

// checkRun holds a run that succeeded to the script: each answer once, complete, with
// its tool calls, in order; what was interrupted is the beginning of an answer.
func checkRun(r *rows, run *runRow, v *Verdict) {
	asked := r.byID[run.message]
	if asked == nil {
		v.wrong(lost, "run %s answers a message that isn't there", run.id)
		return
	}
	if run.state != "SUCCEEDED" {
		return // judged already
	}
	calls := map[string][]*callRow{}
	counting := false
	for _, c := range r.calls {
		if c.run == run.id {
			calls[c.message] = append(calls[c.message], c)
			counting = counting || c.name == countOnce
		}
	}
	n, _ := taskOf(asked.text)
	script := answers(n, counting)
	given := 0
	for _, m := range r.messages {
		if m.run != run.id || m.role != "ASSISTANT" {
			continue
		}
		switch m.status {
		case "INTERRUPTED":
			v.Interrupted++
			if len(calls[m.id]) > 0 {
				v.wrong(divergent, "the interrupted message %s has tool calls", m.id)
			}
			if given >= len(script) || !strings.HasPrefix(script[given].text(), m.text) {
				v.wrong(divergent, "the interrupted message %s is no beginning of answer %d of task %d: %q", m.id, given, n, m.text)
			}
		case "COMPLETE":
			v.Steps++
			if given >= len(script) {
				v.wrong(doubled, "task %d is answered %d times and more (run %s)", n, len(script), run.id)
			} else {
				checkAnswer(m, calls[m.id], script[given], v)
			}
			given++
		default:
			v.wrong(unended, "message %s of the ended run %s is %s", m.id, run.id, m.status)
		}
	}
	if given < len(script) {
		v.wrong(lost, "task %d has %d answers of %d (run %s)", n, given, len(script), run.id)
	}
}

func checkAnswer(m *messageRow, calls []*callRow, want answer, v *Verdict) {
	if m.text != want.text() {
		v.wrong(divergent, "message %s says %q, not %q", m.id, m.text, want.text())
	}
	if len(calls) != len(want.calls) {
		v.wrong(divergent, "message %s has %d tool calls, not %d", m.id, len(calls), len(want.calls))
		return
	}
	for i, c := range calls {
		v.ToolCalls++
		if c.name != want.calls[i].tool || !same(want.calls[i].input, c.input) {
			v.wrong(divergent, "tool call %s is %s(%s)", c.id, c.name, c.input)
		}
		switch {
		case c.state == "DONE":
		case c.state == "INTERRUPTED" && c.name == countOnce:
			v.InterruptedTool++
		default:
			v.wrong(divergent, "tool call %s (%s) is %s: %s", c.id, c.name, c.state, c.output)
		}
	}
}

// checkCounted holds the world outside against the records: a call that may not be
// repeated acted once at most, and no less than its record says; nothing acted
// without a record.
func checkCounted(r *rows, counted Counted, v *Verdict) {
	known := map[string]bool{}
	for _, c := range r.calls {
		if c.name != countOnce && c.name != countAgain {
			continue
		}
		known[c.id], known[c.vendorID] = true, true
		times := counted[c.name][c.id] + counted[c.name][c.vendorID]
		v.Counted += times
		switch {
		case c.name == countOnce && times > 1:
			v.wrong(doubled, "count_once acted %d times for call %s (%s)", times, c.id, c.state)
		case c.state == "DONE" && times == 0:
			v.wrong(lost, "call %s of %s is DONE and did not act", c.id, c.name)
		}
	}
	for tool, calls := range counted {
		for id := range calls {
			if !known[id] {
				v.wrong(other, "%s acted for call %s, of which there is no record", tool, id)
			}
		}
	}
}

func checkAudit(ctx context.Context, in *Installation, v *Verdict) error {
	// Between two steps in peace the epoch rises by one; whoever gives up on a worker
	// raises it too.
	const takeovers = "SELECT COUNT(*) FROM (SELECT epoch - LAG(epoch) OVER (PARTITION BY run_id ORDER BY epoch) AS d FROM audit.claims) AS x WHERE d > 1"
	if err := in.db.QueryRowContext(ctx, takeovers).Scan(&v.Takeovers); err != nil {
		return err
	}
	return query(ctx, in, "SELECT run_id, app, COALESCE(holder, ''), type FROM audit.late ORDER BY at", func(scan func(...any) error) error {
		var run, app, holder, what string
		if err := scan(&run, &app, &holder, &what); err != nil {
			return err
		}
		v.LateWrites++
		v.wrong(other, "a late write: %s wrote %s of run %s, which %q had", app, what, run, holder)
		return nil
	})
}
