package enum

import "io"

// RunState is where a run stands. The last three are final.
type RunState string

const (
	RunQueued             RunState = "QUEUED"
	RunRunning            RunState = "RUNNING"
	RunWaitingForApproval RunState = "WAITING_FOR_APPROVAL"
	RunWaitingForInput    RunState = "WAITING_FOR_INPUT"
	RunWaitingForAgents   RunState = "WAITING_FOR_AGENTS"
	RunPaused             RunState = "PAUSED"
	RunSucceeded          RunState = "SUCCEEDED"
	RunFailed             RunState = "FAILED"
	RunCancelled          RunState = "CANCELLED"
)

var allRunState = []RunState{RunQueued, RunRunning, RunWaitingForApproval, RunWaitingForInput, RunWaitingForAgents, RunPaused, RunSucceeded, RunFailed, RunCancelled}

// Values lists every RunState.
func (RunState) Values() []string { return values(allRunState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v RunState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *RunState) UnmarshalGQL(in any) error { return read(v, in, allRunState) }

// Waits reports whether it waits for a person or for other agents, and holds no worker.
func (v RunState) Waits() bool {
	return v == RunWaitingForApproval || v == RunWaitingForInput || v == RunWaitingForAgents
}

// Ended reports whether the state is final.
func (v RunState) Ended() bool {
	return v == RunSucceeded || v == RunFailed || v == RunCancelled
}
