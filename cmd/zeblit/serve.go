package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
)

// smallHeap makes the collector run when the heap has grown by half, not doubled:
// an idle server should be small, and a busy one waits for models and databases.
const smallHeap = 50

type serveCommand struct {
	config.Flags

	Worker    bool `name:"worker" env:"ZEBLIT_WORKER" negatable:"" default:"true" help:"Also advance runs. --no-worker leaves that to zeblit worker."`
	CheckOnly bool `help:"Check the settings and that the database can be reached, then end."`
}

func (s *serveCommand) Run(ctx context.Context, c console) (err error) {
	cfg, err := s.Config()
	if err != nil {
		return err
	}
	if cfg.Embedded() && !s.Worker {
		return config.Problems{"--no-worker needs a shared database, where a zeblit worker advances the runs: set --database-url (DATABASE_URL)"}
	}
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(smallHeap)
	}
	a, err := app.New(ctx, cfg, app.Options{
		Logger:  newLogger(cfg),
		Version: version, ServeOnly: !s.Worker,
		OnReady: func(r app.Ready) {
			_, _ = fmt.Fprint(c.out, greeting(r, c.terminal))
			releaseStartup()
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if s.CheckOnly {
		if err := a.Check(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(c.out, "The settings are good and the database answers.")
		return nil
	}
	return a.Serve(ctx)
}

// greeting tells a person where to go next. The owner's credentials are in it once,
// and only on a terminal.
func greeting(r app.Ready, terminal bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nZeblit %s is ready at %s\n\n", version, r.URL)
	fmt.Fprintf(&b, "  GraphQL  %s/graphql  (schema: %s/schema.graphql)\n", r.URL, r.URL)
	fmt.Fprintf(&b, "  Data     %s\n", r.DataDir)
	if r.OwnerFile != "" {
		fmt.Fprintf(&b, "  Owner    %s  (e-mail, password and API key)\n", r.OwnerFile)
	}
	if r.Demo {
		b.WriteString("  Model    demo: an offline script, no AI. For a real one set ANTHROPIC_API_KEY,\n" +
			"           OPENAI_API_KEY or OPENAI_BASE_URL and start again.\n")
	} else {
		fmt.Fprintf(&b, "  Model    %s\n", r.Model)
	}
	if r.Owner != nil && terminal {
		fmt.Fprintf(&b, "\nThe owner's account was made. This is shown once:\n\n  e-mail    %s\n  password  %s\n  API key   %s\n",
			r.Owner.Email, r.Owner.Password, r.Owner.APIKey)
	}
	fmt.Fprintf(&b, "\nNow try, in another terminal:\n\n  bin/zeblit chat %s\"Build a to-do list page\"\n\n", dataDirFlag(r.DataDir))
	if terminal {
		b.WriteString("Ctrl-C stops it.\n\n")
	}
	return b.String()
}

// dataDirFlag is what chat needs to find this server: nothing where the default does.
func dataDirFlag(dir string) string {
	usual, err := filepath.Abs(config.DefaultDataDir)
	if err != nil {
		return ""
	}
	if dir, err = filepath.Abs(dir); err != nil || dir == usual {
		return ""
	}
	return fmt.Sprintf("--data-dir %q ", dir)
}
