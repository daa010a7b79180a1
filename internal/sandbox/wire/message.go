package wire

import (
	"errors"
	"fmt"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// Op is what a request asks for.
type Op string

// The requests. What follows the first Reply is in brackets.
const (
	Begin   Op = "begin"   // how to run commands; first of all
	Start   Op = "start"   // [both sides: input, output]
	Wait    Op = "wait"    // answered once the command has ended
	Signal  Op = "signal"  // to a tree
	Finish  Op = "finish"  // kill a tree and forget it
	Scan    Op = "scan"    // [lines of sandbox.Entry, a Reply]
	Put     Op = "put"     // [in: a tar; out: a Reply]
	Remove  Op = "remove"  //
	Get     Op = "get"     // [a tar, a Reply]
	Usage   Op = "usage"   //
	Halt    Op = "halt"    // kill all commands
	Archive Op = "archive" // [all files, a Reply], when halted
	Restore Op = "restore" // [in: what Archive gave; out: a Reply]
)

// Request begins a stream.
type Request struct {
	Op      Op                   `json:"op"`
	Begin   *Settings            `json:"begin,omitempty"`
	Command *Command             `json:"command,omitempty"`
	Process int                  `json:"process,omitempty"`
	Signal  string               `json:"signal,omitempty"`
	Root    string               `json:"root,omitempty"`
	Paths   []string             `json:"paths,omitempty"`
	Scan    *sandbox.ScanOptions `json:"scan,omitempty"`
}

// Settings are how commands run.
type Settings struct {
	Env map[string]string `json:"env,omitempty"`
	// Of each process; zero leaves what the sandbox was made with.
	Pids      int   `json:"pids,omitempty"`
	OpenFiles int   `json:"openFiles,omitempty"`
	FileSize  int64 `json:"fileSize,omitempty"`
	DataSize  int64 `json:"dataSize,omitempty"` // private memory, where the sum has no limit
	Nice      int   `json:"nice,omitempty"`
}

// Command is a sandbox.Command without its input.
type Command struct {
	Argv      []string          `json:"argv"`
	Dir       string            `json:"dir,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	Input     bool              `json:"input,omitempty"` // data frames follow
	TimeoutMS int64             `json:"timeoutMs,omitempty"`
}

// Reply answers.
type Reply struct {
	Error   *Error         `json:"error,omitempty"`
	Process int            `json:"process,omitempty"`
	Exit    *sandbox.Exit  `json:"exit,omitempty"`
	Usage   *sandbox.Stats `json:"usage,omitempty"`
	Left    string         `json:"left,omitempty"` // what Archive doesn't have, in a sentence
}

// Err is the reply's, as one that errors.Is knows.
func (r Reply) Err() error {
	if r.Error == nil {
		return nil
	}
	if known, ok := codes()[r.Error.Code]; ok {
		return fmt.Errorf("%w: %s", known, r.Error.Message)
	}
	return errors.New("inside the sandbox: " + r.Error.Message)
}

// Error is one that crossed over.
type Error struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// Failed makes a reply of an error, or the empty one of nil.
func Failed(err error) Reply {
	if err == nil {
		return Reply{}
	}
	failed := &Error{Message: clip(err.Error())}
	for code, known := range codes() {
		if errors.Is(err, known) {
			failed.Code = code
		}
	}
	return Reply{Error: failed}
}

func clip(s string) string {
	if len(s) > 500 {
		return s[:500] + "…"
	}
	return s
}

func codes() map[string]error {
	return map[string]error{
		"no-command":     sandbox.ErrNoCommand,
		"not-executable": sandbox.ErrNotExecutable,
		"no-folder":      sandbox.ErrNoFolder,
		"no-file":        sandbox.ErrNoFile,
		"no-process":     sandbox.ErrNoProcess,
		"bad-signal":     sandbox.ErrBadSignal,
		"bad-path":       sandbox.ErrBadPath,
		"bad-entry":      sandbox.ErrBadEntry,
		"too-many":       sandbox.ErrTooMany,
		"disk-full":      sandbox.ErrDiskFull,
		"no-resources":   sandbox.ErrNoResources,
		"changed":        sandbox.ErrChanged,
	}
}

// ForStep is what the step that becomes a command needs of the settings.
func (s Settings) ForStep() Settings {
	s.Env = nil // it has it as its own
	return s
}
