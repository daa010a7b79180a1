package command

import (
	"cmp"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

// The limits of a command.
const (
	DefaultTimeout = 2 * time.Minute
	MaxTimeout     = 30 * time.Minute
	maxLine        = 64 << 10 // bytes of the shell's line, or of all arguments
	maxStdin       = 1 << 20  // bytes
	maxVariables   = 100
	maxVariable    = 8 << 10 // bytes of name and value
)

// Input is a command to run.
type Input struct {
	ProjectID string
	// Branch is whose files it works on; "" is main.
	Branch string
	// Shell is a line for sh -c; Argv a program with its arguments, which no shell reads.
	// One of both is given.
	Shell string
	Argv  []string
	// Directory is below the project's root; "" is the root.
	Directory string
	// Environment are variables, NAME=value.
	Environment []string
	Stdin       string
	// Timeout is after which it is killed: 2 minutes by default, at most 30. One in the
	// background has none.
	Timeout    time.Duration
	Background bool
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

func (in *Input) check() error {
	in.Branch = cmp.Or(in.Branch, workspace.MainBranch)
	in.Directory = strings.Trim(in.Directory, "/")
	if in.Directory == "." {
		in.Directory = ""
	}
	if in.Timeout == 0 {
		in.Timeout = DefaultTimeout
	}
	size := len(in.Shell)
	for _, a := range in.Argv {
		size += len(a)
	}
	switch {
	case strings.TrimSpace(in.Shell) == "" && len(in.Argv) == 0:
		return problem.BadField("shell", "give a line for the shell, or argv")
	case in.Shell != "" && len(in.Argv) > 0:
		return problem.BadField("argv", "give a line for the shell or argv, not both")
	case len(in.Argv) > 0 && in.Argv[0] == "":
		return problem.BadField("argv", "the first of argv is the program to run")
	case size > maxLine:
		return problem.BadField(in.lineField(), "a command can have %d bytes at most; write a script to a file", maxLine)
	case !clean(in.Shell) || !clean(in.Argv...):
		return problem.BadField(in.lineField(), "a command must be valid UTF-8 without NUL")
	case len(in.Stdin) > maxStdin:
		return problem.BadField("stdin", "input can have %d bytes at most; write it to a file", maxStdin)
	case !clean(in.Stdin):
		return problem.BadField("stdin", "input must be valid UTF-8 without NUL; write other bytes to a file")
	case in.Timeout < time.Second || in.Timeout > MaxTimeout:
		return problem.BadField("timeoutSeconds", "a command can take 1 to %d seconds; run what takes longer in the background", int(MaxTimeout.Seconds()))
	}
	if in.Directory != "" {
		if err := workspace.CheckPath(in.Directory); err != nil {
			return renamed(err, "path", "directory")
		}
		in.Directory = path.Clean(in.Directory)
	}
	return in.checkEnvironment()
}

func (in *Input) lineField() string {
	if len(in.Argv) > 0 {
		return "argv"
	}
	return "shell"
}

func (in *Input) checkEnvironment() error {
	if len(in.Environment) > maxVariables {
		return problem.BadField("environment", "a command can have %d variables at most", maxVariables)
	}
	for _, v := range in.Environment {
		name, _, ok := strings.Cut(v, "=")
		if !ok || name == "" || !clean(v) || len(v) > maxVariable {
			return problem.BadField("environment", "a variable has a name without \"=\", no NUL, and %d bytes at most", maxVariable)
		}
	}
	return nil
}

func clean(all ...string) bool {
	for _, s := range all {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return false
		}
	}
	return true
}
