package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf16"
)

// event is one row of the log.
type event struct {
	seq, at   int64
	kind, run string
	payload   struct {
		MessageID string `json:"message_id"`
		Offset    int
		Text      string
		Path      string
		Change    string
		Revision  string
		Message   *struct{ ID, Role, Status, Text string }
		Run       *struct{ ID, State, Error string }
		ToolCall  *struct{ ID, Name, Input, Output, State string } `json:"tool_call"`
	}
}

// told is what a subscriber is told of the event.
func (e event) told() string {
	p := e.payload
	head := fmt.Sprintf("%d %d %s ", e.seq, e.at, e.kind)
	switch {
	case p.Message != nil:
		return head + fmt.Sprintf("%+q", []string{p.Message.ID, p.Message.Role, p.Message.Status, p.Message.Text})
	case e.kind == "MESSAGE_DELTA":
		return head + fmt.Sprintf("%+q %d", []string{p.MessageID, e.run, p.Text}, p.Offset)
	case p.Run != nil:
		return head + fmt.Sprintf("%+q", []string{p.Run.ID, p.Run.State, p.Run.Error})
	case p.ToolCall != nil && (e.kind == "TOOL_CALL_STARTED" || e.kind == "TOOL_CALL_FINISHED"):
		return head + fmt.Sprintf("%+q", []string{p.ToolCall.ID, p.ToolCall.Name, p.ToolCall.Input, p.ToolCall.Output, p.ToolCall.State})
	case e.kind == "FILE_CHANGED":
		return head + fmt.Sprintf("%+q", []string{p.Path, p.Change, p.Revision})
	}
	return head
}

// checkEvents holds a project's log to its rules, the rows against it, and each
// subscriber's events too.
func checkEvents(ctx context.Context, in *Installation, r *rows, p *Project, v *Verdict) error {
	var log []event
	err := query(ctx, in, "SELECT seq, at, type, run_id, payload FROM events WHERE stream_id = $1 ORDER BY seq", func(scan func(...any) error) error {
		var e event
		var payload []byte
		if err := scan(&e.seq, &e.at, &e.kind, &e.run, &payload); err != nil {
			return err
		}
		log = append(log, e)
		return json.Unmarshal(payload, &log[len(log)-1].payload)
	}, p.ID)
	if err != nil {
		return err
	}
	for i, e := range log {
		if e.seq != int64(i)+1 {
			v.wrong(lost, "the log of %s has number %d where %d is next", p.ID, e.seq, i+1)
		}
	}
	checkWatchers(p, log, v)
	story(r, log, v)
	return nil
}

// successors are the states that may follow each state of a run.
var successors = map[string][]string{
	"":                     {"QUEUED"},
	"QUEUED":               {"RUNNING", "PAUSED", "CANCELLED", "FAILED"},
	"RUNNING":              {"SUCCEEDED", "FAILED", "CANCELLED", "PAUSED", "WAITING_FOR_APPROVAL", "WAITING_FOR_INPUT"},
	"PAUSED":               {"QUEUED", "RUNNING", "CANCELLED", "FAILED"},
	"WAITING_FOR_APPROVAL": {"RUNNING", "QUEUED", "CANCELLED", "FAILED", "PAUSED"},
	"WAITING_FOR_INPUT":    {"RUNNING", "QUEUED", "CANCELLED", "FAILED", "PAUSED"},
}

func contains(all []string, s string) bool {
	for _, one := range all {
		if one == s {
			return true
		}
	}
	return false
}

// story reads the log as a client does, and compares where it ends with the rows.
func story(r *rows, log []event, v *Verdict) {
	states := map[string]string{}
	texts := map[string]*telling{}
	tools := map[string]string{}
	for _, e := range log {
		p := e.payload
		if e.run != "" && final(states[e.run]) {
			v.wrong(other, "run %s had ended before its event %d, %s", e.run, e.seq, e.kind)
		}
		switch {
		case e.kind == "RUN_STATE_CHANGED" && p.Run != nil:
			if !contains(successors[states[p.Run.ID]], p.Run.State) {
				v.wrong(other, "run %s went from %q to %s", p.Run.ID, states[p.Run.ID], p.Run.State)
			}
			states[p.Run.ID] = p.Run.State
		case e.kind == "MESSAGE_ADDED" && p.Message != nil:
			if texts[p.Message.ID] != nil {
				v.wrong(doubled, "message %s was added twice", p.Message.ID)
			}
			texts[p.Message.ID] = &telling{complete: p.Message.Status == "COMPLETE", text: p.Message.Text}
		case e.kind == "MESSAGE_DELTA":
			texts[p.MessageID].delta(p.MessageID, p.Offset, p.Text, v)
		case e.kind == "MESSAGE_COMPLETED" && p.Message != nil:
			texts[p.Message.ID].end(p.Message.ID, p.Message.Text, v)
		case e.kind == "TOOL_CALL_STARTED" && p.ToolCall != nil:
			c := p.ToolCall
			if before := tools[c.ID]; before == "ended" || before == "RUNNING" && c.Name == countOnce {
				v.wrong(doubled, "tool call %s (%s) was started again after it was %s", c.ID, c.Name, before)
			}
			tools[c.ID] = "RUNNING"
		case e.kind == "TOOL_CALL_FINISHED" && p.ToolCall != nil:
			if tools[p.ToolCall.ID] == "ended" {
				v.wrong(doubled, "tool call %s finished twice", p.ToolCall.ID)
			}
			tools[p.ToolCall.ID] = "ended"
		}
	}
	for id, state := range states {
		if run := r.runs[id]; run == nil || run.state != state {
			v.wrong(other, "the log ends with run %s %s, the row says otherwise", id, state)
		}
	}
	for id, t := range texts {
		if m := r.byID[id]; m == nil || m.text != t.text {
			v.wrong(divergent, "message %s: the deltas make %q, the row says otherwise", id, t.text)
		}
	}
}

// telling is a message as its events make it.
type telling struct {
	text     string
	units    int // of UTF-16
	complete bool
}

func (t *telling) delta(id string, offset int, text string, v *Verdict) {
	switch {
	case t == nil:
		v.wrong(lost, "a delta of message %s came before the message", id)
		return
	case t.complete:
		v.wrong(other, "a delta of message %s came after its end", id)
	case offset != t.units:
		v.wrong(divergent, "a delta of message %s is at %d where %d is next", id, offset, t.units)
	}
	t.text += text
	t.units += len(utf16.Encode([]rune(text)))
}

func (t *telling) end(id, text string, v *Verdict) {
	switch {
	case t == nil:
		v.wrong(lost, "message %s ended and was never added", id)
		return
	case t.complete:
		v.wrong(doubled, "message %s ended twice", id)
	case t.text != text:
		v.wrong(divergent, "message %s ended as %q, its deltas make %q", id, text, t.text)
	}
	t.complete, t.text = true, text
}
