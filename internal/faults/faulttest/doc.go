// Package faulttest breaks a whole installation and checks that nothing came of it.
//
// An Installation is the real program, built with the tag "faults", as processes of
// their own: servers and workers on a private PostgreSQL and a private Redis behind
// proxies that can cut and stall, or one server on SQLite. A scripted Model answers
// as a function of the transcript alone, so that a disturbed run must end in the same
// files, texts and tool calls as an undisturbed one. A Load sends messages with
// idempotency keys, repeats them on errors, and keeps what its subscribers receive.
// The disturbances kill, stop, cut, restart and refuse from a seed that is printed.
//
// Check judges by plain SQL, by what the clients received, by what the model was
// asked and by what the counting tools told the Counter; it shares no code with the
// engine that it judges.
package faulttest
