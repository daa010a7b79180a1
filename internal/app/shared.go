package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/zeblit/zeblit/internal/clientaddr"
	"github.com/zeblit/zeblit/internal/installation"
	"github.com/zeblit/zeblit/internal/ratelimit"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/stream/redis"
)

// connect makes what the nodes of an installation share besides the database: the
// carrier of events and the counts of the limits. With Redis away it succeeds: both
// do without it until it is back.
func (a *App) connect(ctx context.Context) (err error) {
	if a.cfg.RedisURL == "" {
		a.carrier = memory.New()
		if a.cfg.Limits != nil {
			a.limiter, err = ratelimit.NewMemory(a.logger)
		}
		return err
	}
	id, err := installation.ID(ctx, a.db)
	if err != nil {
		return err
	}
	if a.redis, err = redis.Open(a.cfg.RedisURL); err != nil {
		return fmt.Errorf("--redis-url (REDIS_URL): %w", err)
	}
	a.carrier = redis.New(a.redis, id, a.logger)
	if a.cfg.Limits != nil {
		a.limiter = ratelimit.NewRedis(a.redis, "zeblit:"+id+":limits:", a.logger)
	}
	return nil
}

// checks are the shared parts that may be away while the server serves.
func (a *App) checks() map[string]func(context.Context) error {
	if a.redis == nil {
		return nil
	}
	return map[string]func(context.Context) error{"redis": func(context.Context) error {
		if !a.carrier.Healthy() {
			return errors.New("no answer from Redis: events of other nodes come later")
		}
		return nil
	}}
}

// How much more than one account from one address may be tried: one account from
// everywhere, against guesses that come from many addresses, and one address
// against many accounts.
const (
	perAccount = 4
	perAddress = 10
)

// limit is asked before anything that could be guessed, or costs much.
func (a *App) limit(ctx context.Context, name, key string) error {
	l := a.cfg.Limits
	if l == nil {
		return nil
	}
	address := clientaddr.Key(clientaddr.From(ctx))
	allow := func(name string, rate ratelimit.Rate, key string) error { return a.limiter.Allow(ctx, name, rate, key) }
	switch name {
	case "sign-up":
		return allow(name, l.SignUp, address)
	case "sign-in":
		if err := allow(name, l.SignIn, key+"|"+address); err != nil {
			return err
		}
		if err := allow("sign-in-account", times(l.SignIn, perAccount), key); err != nil {
			return err
		}
		return allow("sign-in-address", times(l.SignIn, perAddress), address)
	case "console": // reports of one project's pages
		return allow(name, l.Console, key)
	case "console-address": // and before it is known whose they are
		return allow(name, times(l.Console, perAccount), address)
	case "check-provider": // which asks a vendor, by whoever owns something
		return allow(name, times(l.SignIn, perAccount), key)
	default: // device codes: requested by an address, entered by a person
		return allow(name, times(l.SignIn, perAddress), key+"|"+address)
	}
}

func times(r ratelimit.Rate, n int) ratelimit.Rate {
	r.Count *= n
	return r
}
