// Package counting gives the engineer two tools whose calls leave a trace outside of
// the database, in programs built with the tag "faults" and in no other: count_once,
// which must not act twice for one call, and count_again, which may. Each posts its
// call's id to the URL in ZEBLIT_FAULT_COUNTER.
package counting
