package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/recording"
	"github.com/zeblit/zeblit/internal/secret"
	"github.com/zeblit/zeblit/internal/stream"
)

// Replay plays a recording whose player is this App's Provider, tells see of each event,
// and returns the project that has come of it. It listens nowhere.
func (a *App) Replay(ctx context.Context, r *record.Recording, see func(stream.Event)) (p *ent.Project, err error) {
	owner, err := a.identity.EnsureOwner(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the owner's account: %w", err)
	}
	if owner == nil {
		return nil, errors.New("a replay needs a data folder of its own")
	}
	seen, err := a.identity.Authenticate(ctx, "Bearer "+owner.APIKey)
	if err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	err = a.work(working, func(ctx context.Context, group *errgroup.Group) {
		group.Go(func() (err error) {
			defer stop()
			system := recording.System{DB: a.db, Projects: a.projects, Conversations: a.conversations, Files: a.files, Hub: a.hub}
			p, err = recording.Replay(access.WithViewer(ctx, *access.ViewerFrom(seen)), system, r, see)
			return err
		})
	})
	return p, err
}

// Redactor takes out of text what looks like a secret, the installation's own, and more.
func Redactor(cfg config.Config, more ...string) func(string) string {
	known := append([]string{cfg.AnthropicKey, cfg.OpenAIKey, cfg.GeminiKey, cfg.Secret}, more...)
	for _, s := range cfg.ModelServers {
		known = append(known, s.Key)
	}
	for _, address := range []string{cfg.DatabaseURL, cfg.RedisURL, cfg.AnthropicBaseURL, cfg.OpenAIBaseURL} {
		if u, err := url.Parse(address); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				known = append(known, password)
			}
		}
	}
	return secret.NewRedactor(known...).Redact
}
