package enum

import "io"

// SandboxState is where a project's sandbox stands.
type SandboxState string

const (
	SandboxStarting    SandboxState = "STARTING"
	SandboxRunning     SandboxState = "RUNNING"
	SandboxStopped     SandboxState = "STOPPED"
	SandboxUnreachable SandboxState = "UNREACHABLE"
	SandboxDeleted     SandboxState = "DELETED"
	SandboxLost        SandboxState = "LOST"
	SandboxFailed      SandboxState = "FAILED"
)

var allSandboxState = []SandboxState{
	SandboxStarting, SandboxRunning, SandboxStopped, SandboxUnreachable, SandboxDeleted, SandboxLost, SandboxFailed,
}

// Values lists every SandboxState.
func (SandboxState) Values() []string { return values(allSandboxState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v SandboxState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *SandboxState) UnmarshalGQL(in any) error { return read(v, in, allSandboxState) }

// SandboxWish is what a person wants of a sandbox.
type SandboxWish string

const (
	WishNothing SandboxWish = "NONE"
	WishWake    SandboxWish = "WAKE"
	WishStop    SandboxWish = "STOP"
	WishRestart SandboxWish = "RESTART"
	WishDelete  SandboxWish = "DELETE"
)

var allSandboxWish = []SandboxWish{WishNothing, WishWake, WishStop, WishRestart, WishDelete}

// Values lists every SandboxWish.
func (SandboxWish) Values() []string { return values(allSandboxWish) }
