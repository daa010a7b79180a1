package enum

import "io"

// ToolCallState is where a tool call stands. The last three are final.
type ToolCallState string

const (
	ToolCallPlanned     ToolCallState = "PLANNED"
	ToolCallRunning     ToolCallState = "RUNNING"
	ToolCallWaiting     ToolCallState = "WAITING"
	ToolCallDone        ToolCallState = "DONE"
	ToolCallFailed      ToolCallState = "FAILED"
	ToolCallInterrupted ToolCallState = "INTERRUPTED"
)

var allToolCallState = []ToolCallState{ToolCallPlanned, ToolCallRunning, ToolCallWaiting, ToolCallDone, ToolCallFailed, ToolCallInterrupted}

// Values lists every ToolCallState.
func (ToolCallState) Values() []string { return values(allToolCallState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ToolCallState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ToolCallState) UnmarshalGQL(in any) error { return read(v, in, allToolCallState) }

// Ended reports whether the state is final.
func (v ToolCallState) Ended() bool {
	return v == ToolCallDone || v == ToolCallFailed || v == ToolCallInterrupted
}
