// Package inside is the part of this program that runs within a sandbox, as process 1:
// it starts commands, does all work with files, and speaks to internal/sandbox/link over
// its standard input and output (bubblewrap) or a socket (a container engine).
//
// It has the same user as the commands, and no more rights than they have. They can't
// attack it: as process 1 it gets no signal from them that ends it, its program can be
// executed but not read, so that the kernel lets nobody trace it or see its memory and
// descriptors, and commands are started by a step of its own (start.go) which first
// installs the filter of system calls and the limits.
//
// Each command gets a mark when it starts: the value of a resource limit that the kernel
// doesn't use, that children inherit and that the filter lets nobody change. So a
// process belongs to the command whose mark it has, whatever it did to hide.
//
// Work with files walks from folder to folder by descriptors and never follows a link,
// so that nothing that runs meanwhile can lead it out of its root.
package inside

import "github.com/zeblit/zeblit/internal/sandbox"

// The words by which the program is called inside, each as the first argument.
const (
	ServeWord   = "sandbox-inside"  // process 1, on standard input and output
	ListenWord  = "sandbox-listen"  // process 1, on a socket: [user id of connectors]
	ConnectWord = "sandbox-connect" // joins standard input and output to that socket
	ProbeWord   = "sandbox-probe"   // a command: prints a Seen as JSON
	startWord   = "sandbox-start"   // becomes a command
)

// Called reports whether the program was called by one of the words: then its main
// function should return Main's exit code, before it does anything else.
func Called(args []string) bool {
	if len(args) < 2 {
		return false
	}
	switch args[1] {
	case ServeWord, ListenWord, ConnectWord, ProbeWord, startWord:
		return true
	}
	return false
}

// Home is the folder of commands that want one, kept with the rest.
const Home = sandbox.Work + "/.home"

// Seen is what a command sees of its sandbox.
type Seen struct {
	User       int
	Namespaces map[string]string // by kind, as "net" → "net:[4026531840]"
	Status     map[string]string // lines of /proc/self/status
	Interfaces []string
	Writable   []string // of the folders that should not be
}
