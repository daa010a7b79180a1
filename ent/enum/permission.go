package enum

import "io"

// CallClass is what an agent's call does.
type CallClass string

const (
	CallReads    CallClass = "READ"
	CallWrites   CallClass = "WRITE"
	CallExecutes CallClass = "EXECUTE"
	CallNetwork  CallClass = "NETWORK"
	CallDestroys CallClass = "DESTRUCTIVE"
)

var allCallClass = []CallClass{CallReads, CallWrites, CallExecutes, CallNetwork, CallDestroys}

// Values lists every CallClass.
func (CallClass) Values() []string { return values(allCallClass) }

// MarshalGQL writes it as a GraphQL enum value.
func (v CallClass) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *CallClass) UnmarshalGQL(in any) error { return read(v, in, allCallClass) }

// PermissionOutcome is what a rule makes of a call.
type PermissionOutcome string

const (
	PermissionAllow PermissionOutcome = "ALLOW"
	PermissionAsk   PermissionOutcome = "ASK"
	PermissionDeny  PermissionOutcome = "DENY"
)

var allPermissionOutcome = []PermissionOutcome{PermissionAllow, PermissionAsk, PermissionDeny}

// Values lists every PermissionOutcome.
func (PermissionOutcome) Values() []string { return values(allPermissionOutcome) }

// MarshalGQL writes it as a GraphQL enum value.
func (v PermissionOutcome) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *PermissionOutcome) UnmarshalGQL(in any) error { return read(v, in, allPermissionOutcome) }
