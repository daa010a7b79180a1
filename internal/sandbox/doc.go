// Package sandbox is where commands of agents really run: isolated from the host, from
// the network and from other projects. A driver makes sandboxes, bubblewrap
// (internal/sandbox/bubblewrap) or a container engine (internal/sandbox/engine);
// internal/sandbox/configured chooses one. Where none works, commands are refused with
// the reason: nothing ever runs outside of a sandbox.
//
// A sandbox belongs to one project. Below Work it keeps files, in folders that are
// called roots here: "main", "review-2". Everything else is read-only or ends with it.
// Commands run as a user without any rights, with no network but a loopback of their own.
//
// What holds for every driver, and is tried on each by internal/sandbox/sandboxtest:
//
//   - Stop keeps every file below Work, and Wake brings all of them back. What was not
//     stopped is lost with its owner, and is then Deleted: it is never replaced by an
//     empty one in silence.
//   - Running, Stopped, Unreachable and Deleted are told apart. Unreachable means that
//     nothing can be said now, so nothing may be concluded.
//   - File work never leaves the root that it was given, whatever the commands inside do
//     with links meanwhile.
//   - A process tree is everything that a command started, also what has made itself a
//     daemon. Closing a Process leaves nothing of it.
//   - Memory on this side does not grow with what a command prints or a file holds.
//
// Inside runs a small part of this program as process 1, internal/sandbox/inside, to
// which internal/sandbox/link speaks.
package sandbox
