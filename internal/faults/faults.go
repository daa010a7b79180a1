// Package faults is where a process may be made to die. The engine calls Point at
// every place where a crash must do no harm; without the build tag "faults" the call
// is nothing, and with it ZEBLIT_FAULT kills the process there as kill -9 does:
//
//	NAME           at the first visit of the point
//	NAME:N         at the N-th
//	NAME/DETAIL:N  at the N-th with that detail, which for tool.* is the tool's name
//	stop:…         stops it there as kill -STOP does, until somebody lets it go on
//
// Package faulttest is the suite that uses it on the real binary; package counting
// holds the tools whose calls leave a trace outside of the database.
package faults

// Names lists every point, in about the order of a run.
func Names() []string { return append([]string(nil), names...) }
