package faulttest

import (
	"slices"
	"strings"
)

// sight is what a watcher asks to see of a project. Some can be told to many at once
// from one encoding, others can't; the watchers must not notice.
type sight struct {
	name  string
	types []string // of events; nil: all
	runs  bool     // one run after the other, each from its beginning
	brief bool     // of most events their head alone
	actor bool     // who did it too, which the server has to look up
}

// sights are dealt to the watchers, as often as they are here.
var sights = []sight{
	{name: "all"}, {name: "all"}, {name: "all"}, {name: "all"},
	{name: "brief", brief: true}, {name: "brief", brief: true},
	{name: "texts", types: []string{"MESSAGE_ADDED", "MESSAGE_DELTA", "MESSAGE_COMPLETED"}},
	{name: "states", types: []string{"RUN_STATE_CHANGED", "TOOL_CALL_STARTED", "TOOL_CALL_FINISHED"}},
	{name: "actors", actor: true},
	{name: "runs", runs: true},
}

const (
	heads = `__typename cursor seq at type`
	whole = heads + `
    ... on ProjectUpdated { project { id name description } }
    ... on MessageAdded { message { id role status text } }
    ... on MessageDelta { messageId runId offset text }
    ... on MessageCompleted { message { id role status text } }
    ... on RunStateChanged { run { id error } state }
    ... on ToolCallStarted { toolCall { id name input state } }
    ... on ToolCallFinished { toolCall { id name input output state } }
    ... on FileChanged { path change revision }
    ... on StreamReset { reason }`
	deltas = heads + `
    ... on MessageDelta { messageId runId offset text }
    ... on StreamReset { reason }`
	actors = whole + `
    actor { __typename ... on User { id } ... on Agent { slug } }`
)

// query is the subscription, with variables id, after and, where it has them, types.
func (s sight) query() string {
	fields := whole
	switch {
	case s.brief:
		fields = deltas
	case s.actor:
		fields = actors
	}
	switch {
	case s.runs:
		return "subscription Watch($id: ID!, $after: Cursor) {\n  event: runEvents(runId: $id, after: $after) {\n    " + fields + "\n  }\n}"
	case s.types != nil:
		return "subscription Watch($id: ID!, $after: Cursor, $types: [EventType!]) {\n  event: projectEvents(projectId: $id, after: $after, types: $types) {\n    " + fields + "\n  }\n}"
	}
	return "subscription Watch($id: ID!, $after: Cursor) {\n  event: projectEvents(projectId: $id, after: $after) {\n    " + fields + "\n  }\n}"
}

// wants reports whether an event is to be delivered. run is the one that is watched,
// where it is runs.
func (s sight) wants(e event, run string) bool {
	switch {
	case s.runs:
		return e.run == run
	case s.types != nil:
		return slices.Contains(s.types, e.kind)
	}
	return true
}

// shown is what of an event's words the sight asks for.
func (s sight) shown(told string) string {
	if !s.brief {
		return told
	}
	words := strings.SplitN(told, " ", 4) // the number, the time, the type, and the rest
	if len(words) < 4 || words[2] == "MESSAGE_DELTA" {
		return told
	}
	return strings.Join(words[:3], " ") + " "
}

// last is a query for the number of the latest event that is to be delivered, with its
// arguments.
func (s sight) last(project, run string) (statement string, args []any) {
	statement, args = "SELECT COALESCE(MAX(seq), 0) FROM events WHERE stream_id = $1", []any{project}
	switch {
	case s.runs:
		return statement + " AND run_id = $2", append(args, run)
	case s.types != nil:
		return statement + " AND type IN ('" + strings.Join(s.types, "', '") + "')", args
	}
	return statement, args
}
