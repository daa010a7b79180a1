// Zeblit is a team of AI agents that builds software for its users behind a GraphQL
// API. This is the whole of it: the server, its worker, and a terminal client.
//
// Exit codes: 0 done, 1 failed, 2 the settings or the command line are wrong, 130
// interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/zeblit/zeblit/internal/config"
)

// version is set by the linker.
var version = "dev"

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the API. Needs no configuration."`
	Worker  workerCommand  `cmd:"" help:"Only advance runs, beside servers that share a PostgreSQL database."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version's schema, which serve does by itself."`
	Chat    chatCommand    `cmd:"" help:"Ask the agents for something and watch them work."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// console is what a command may write to.
type console struct {
	out, err io.Writer
	terminal bool // out is one
}

func main() {
	c := console{out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stdout.Fd()))}
	os.Exit(run(os.Args[1:], c))
}

func run(args []string, c console) int {
	parser, err := kong.New(&commands{},
		kong.Name("zeblit"),
		kong.Description("A team of AI agents that builds software for you. Start with: zeblit serve"),
		kong.Writers(c.out, c.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return report(c, err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(c.err, "zeblit: %v\nTry: zeblit --help\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // the second signal ends the program at once

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
	_, _ = fmt.Fprintf(c.err, "zeblit: %v\n", err)
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
