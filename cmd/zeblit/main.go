// Zeblit is a team of AI agents that builds software for its users behind a GraphQL
// API. This is the whole of it: the server, its worker, and a terminal client, which
// speaks to the public API as any other client would.
//
// Exit codes:
//
//	0    done
//	1    failed, or the run that was watched did
//	2    the settings or the command line are wrong, or the server refuses an input
//	3    not signed in, or the credentials were refused
//	4    what was named isn't there
//	5    no server answers, or it stayed away for two minutes
//	130  interrupted
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/sandbox/inside"
	"github.com/zeblit/zeblit/internal/terminal"
)

// version is set by the linker.
var version = "dev"

const (
	exitFailed      = 1
	exitUsage       = 2
	exitCredentials = 3
	exitNotFound    = 4
	exitUnreachable = 5
	exitInterrupted = 130
)

const description = `A team of AI agents that builds software for you. Start with: zeblit serve

Exit codes: 0 done, 1 failed, 2 wrong settings, command line or input, 3 not signed in, 4 not found, 5 no server answers, 130 interrupted.`

type commands struct {
	Login         loginCommand         `cmd:"" help:"Sign in to a server, in a browser or with a key."`
	Logout        logoutCommand        `cmd:"" help:"Sign out: revoke the key that login made, and forget it."`
	Whoami        whoamiCommand        `cmd:"" help:"Say who is signed in, and where."`
	Chat          chatCommand          `cmd:"" help:"Ask the agents for something and watch them work."`
	Projects      projectsCommand      `cmd:"" help:"List, make and delete projects."`
	Conversations conversationsCommand `cmd:"" help:"List, rename, delete and fork a project's conversations, and edit messages."`
	Files         filesCommand         `cmd:"" help:"List, print, copy and change a project's files."`
	Exec          execCommand          `cmd:"" help:"Run a command in a project's sandbox."`
	Runs          runsCommand          `cmd:"" help:"List runs, newest first."`
	Run           runCommand           `cmd:"" help:"Watch or cancel a run."`
	Approvals     approvalsCommand     `cmd:"" help:"List, give and take back what agents ask to be allowed."`
	Questions     questionsCommand     `cmd:"" help:"List and answer what agents ask."`
	Agents        agentsCommand        `cmd:"" help:"List the agents."`
	Models        modelsCommand        `cmd:"" help:"List the models."`

	Serve   serveCommand   `cmd:"" help:"Serve the API. Needs no configuration."`
	Worker  workerCommand  `cmd:"" help:"Only advance runs, beside servers that share a PostgreSQL database."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version's schema, which serve does by itself."`
	Admin   adminCommand   `cmd:"" help:"What only whoever runs the server may do."`
	Replay  replayCommand  `cmd:"" help:"Play a recorded conversation back, or go on from one of its steps with another model."`
	Health  healthCommand  `cmd:"" help:"Ask a server on this machine whether it is ready, for container engines."`

	Completion completionCommand `cmd:"" help:"Print a shell's completion script."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

func main() {
	if inside.Called(os.Args) {
		os.Exit(inside.Main(os.Args)) // before anything that a sandbox has no use for
	}
	os.Exit(run(os.Args[1:], newConsole()))
}

func run(args []string, c console) int {
	parser, err := kong.New(&commands{},
		kong.Name("zeblit"),
		kong.Description(description),
		kong.Writers(c.out, c.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return report(c, err)
	}
	if len(args) > 0 && args[0] == completeWord {
		return report(c, complete(c.out, parser.Model, args[1:]))
	}
	command, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(c.err, "zeblit: %v\nTry: zeblit --help\n", err)
		return exitUsage
	}
	ctx, stop := c.signals(context.Background())
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	return report(c, command.Run(c))
}

// codeError ends the program with a code. With no err it says nothing more.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

func report(c console, err error) int {
	if err == nil {
		return 0
	}
	code := exitFailed
	var coded *codeError
	switch {
	case errors.As(err, &coded):
		code = coded.code
		if coded.err == nil {
			return code
		}
	case config.IsProblem(err):
		code = exitUsage
	}
	_, _ = fmt.Fprintf(c.err, "zeblit: %s\n", terminal.Clean(err.Error()))
	return code
}

// newLogger writes to standard error, so that standard output stays for people.
func newLogger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == config.LogText || cfg.LogFormat == config.LogAuto && term.IsTerminal(int(os.Stderr.Fd())) {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}
