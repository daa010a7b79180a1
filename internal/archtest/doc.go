// Package archtest holds what the compiler can't: which package may import which, how
// long a file may be, where the code works as an actor instead of a person, and that
// the published schema breaks no client. It has tests only.
package archtest
