package enum

import "io"

// CommandState is where a command stands.
type CommandState string

const (
	CommandQueued   CommandState = "QUEUED"
	CommandRunning  CommandState = "RUNNING"
	CommandExited   CommandState = "EXITED"
	CommandTimedOut CommandState = "TIMED_OUT"
	CommandKilled   CommandState = "KILLED"
	CommandRefused  CommandState = "REFUSED"
	CommandLost     CommandState = "LOST"
)

var allCommandState = []CommandState{
	CommandQueued, CommandRunning, CommandExited, CommandTimedOut, CommandKilled, CommandRefused, CommandLost,
}

// Values lists every CommandState.
func (CommandState) Values() []string { return values(allCommandState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v CommandState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *CommandState) UnmarshalGQL(in any) error { return read(v, in, allCommandState) }

// Ended reports whether the command is over.
func (v CommandState) Ended() bool { return v != CommandQueued && v != CommandRunning }

// OutputStream is where a command printed something.
type OutputStream string

const (
	Stdout OutputStream = "STDOUT"
	Stderr OutputStream = "STDERR"
)

var allOutputStream = []OutputStream{Stdout, Stderr}

// Values lists every OutputStream.
func (OutputStream) Values() []string { return values(allOutputStream) }

// MarshalGQL writes it as a GraphQL enum value.
func (v OutputStream) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *OutputStream) UnmarshalGQL(in any) error { return read(v, in, allOutputStream) }

// Signal is what can be sent to a command's processes.
type Signal string

const (
	SignalInterrupt Signal = "INT"
	SignalTerminate Signal = "TERM"
	SignalHangup    Signal = "HUP"
	SignalKill      Signal = "KILL"
)

var allSignal = []Signal{SignalInterrupt, SignalTerminate, SignalHangup, SignalKill}

// Values lists every Signal.
func (Signal) Values() []string { return values(allSignal) }

// MarshalGQL writes it as a GraphQL enum value.
func (v Signal) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *Signal) UnmarshalGQL(in any) error { return read(v, in, allSignal) }
