package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/stream"
)

type replayCommand struct {
	config.Flags

	File  string `arg:"" help:"A recording, as serve --record makes them."`
	Fork  int    `name:"fork-at" default:"-1" placeholder:"STEP" help:"From this step of the last run on, counted from 0, ask a model that is configured."`
	Model string `name:"model" placeholder:"NAME" help:"Which one, as provider/model. Default: the one that is preferred."`
	JSON  bool   `name:"json" help:"Each event as one line."`
	Keep  string `name:"keep" placeholder:"DIR" help:"A new data folder for the project, which serve can show later. Default: none is kept."`
}

// Run plays a recording in a folder of its own, with no server and, unless it is forked,
// no network.
func (r *replayCommand) Run(ctx context.Context, c console) (err error) {
	rec, err := readRecording(r.File)
	if err != nil {
		return &codeError{exitUsage, err}
	}
	cfg, err := r.Config()
	if err != nil {
		return err
	}
	redact := app.Redactor(cfg)
	var fork *record.Fork
	if r.Fork >= 0 {
		if fork, err = forkAt(cfg, r.Fork, r.Model); err != nil {
			return err
		}
	} else if r.Model != "" {
		return &codeError{exitUsage, errors.New("--model is for --fork-at: without it the recording answers")}
	}
	player := record.NewPlayer(rec, redact, fork)
	if cfg.DataDir, err = r.folder(); err != nil {
		return err
	}
	if r.Keep == "" {
		defer func() { err = errors.Join(err, os.RemoveAll(cfg.DataDir)) }()
	}
	cfg.DatabaseURL, cfg.RedisURL, cfg.RecordDir = "", "", ""
	logger := slog.New(slog.DiscardHandler) // what matters is printed
	if r.Debug {
		logger = newLogger(cfg)
	}
	a, err := app.New(ctx, cfg, app.Options{Logger: logger, Version: version, Provider: player})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	show := &replayed{out: c.out, json: r.JSON}
	p, err := a.Replay(ctx, rec, show.see)
	if err != nil {
		return err
	}
	if d := player.Diverged(); d != nil {
		return d
	}
	_, _ = fmt.Fprintf(c.err, "\nReplayed %d of %d calls: each was asked as it was recorded. Events: %d.\n", player.Played(), rec.Size(), show.events)
	if r.Keep != "" {
		_, _ = fmt.Fprintf(c.err, "It is project %s in %s; see it with: zeblit serve --data-dir %s\n", p.ID, cfg.DataDir, cfg.DataDir)
	}
	return nil
}

func readRecording(file string) (rec *record.Recording, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if rec, err = record.Read(f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return rec, nil
}

// folder is where the replay takes place: none that is there already.
func (r *replayCommand) folder() (string, error) {
	if r.Keep == "" {
		return os.MkdirTemp("", "zeblit-replay-")
	}
	if err := os.Mkdir(r.Keep, 0o700); err != nil {
		return "", &codeError{exitUsage, fmt.Errorf("--keep must name a folder that isn't there yet: %w", err)}
	}
	return r.Keep, nil
}

func forkAt(cfg config.Config, step int, model string) (*record.Fork, error) {
	servers, err := configured.Providers(cfg.Providers())
	if err != nil {
		return nil, err
	}
	fork := &record.Fork{At: step, Provider: servers[0].Provider, Model: model}
	server, name, ok := strings.Cut(model, "/")
	if !ok {
		return fork, nil
	}
	var names []string
	for _, s := range servers {
		if names = append(names, s.Name); s.Name == server {
			fork.Provider, fork.Model = s.Provider, name
			return fork, nil
		}
	}
	return nil, &codeError{exitUsage, fmt.Errorf("no provider %q is configured; there are: %s", server, strings.Join(names, ", "))}
}

// replayed shows events as they come: the agents' text, or everything as JSON.
type replayed struct {
	out    io.Writer
	json   bool
	events int
}

func (r *replayed) see(e stream.Event) {
	r.events++
	if r.json {
		line, _ := json.Marshal(e)
		_, _ = fmt.Fprintln(r.out, string(line))
		return
	}
	switch e.Type {
	case enum.EventMessageDelta:
		var p stream.DeltaPayload
		_ = json.Unmarshal(e.Payload, &p)
		_, _ = io.WriteString(r.out, p.Text)
	case enum.EventMessageCompleted:
		_, _ = fmt.Fprintln(r.out)
	case enum.EventToolCallStarted:
		var p stream.ToolCallPayload
		if json.Unmarshal(e.Payload, &p) == nil && p.ToolCall != nil {
			_, _ = fmt.Fprintf(r.out, "→ %s %s\n", p.ToolCall.Name, clipped(p.ToolCall.Input))
		}
	}
}

// clipped is the start of a tool's input.
func clipped(s string) string {
	const most = 100
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
