package enum

import "io"

// ConsoleLevel is how loud an app was in its console.
type ConsoleLevel string

const (
	ConsoleDebug ConsoleLevel = "DEBUG"
	ConsoleLog   ConsoleLevel = "LOG"
	ConsoleInfo  ConsoleLevel = "INFO"
	ConsoleWarn  ConsoleLevel = "WARN"
	ConsoleError ConsoleLevel = "ERROR"
)

var allConsoleLevel = []ConsoleLevel{ConsoleDebug, ConsoleLog, ConsoleInfo, ConsoleWarn, ConsoleError}

// Values lists every ConsoleLevel.
func (ConsoleLevel) Values() []string { return values(allConsoleLevel) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ConsoleLevel) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ConsoleLevel) UnmarshalGQL(in any) error { return read(v, in, allConsoleLevel) }
