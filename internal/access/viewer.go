// Package access decides who may do what. Its rules are applied by ent to every
// query and mutation, whatever door the request came through: with no viewer
// and no actor in the context there are no rows and no writes.
//
// A viewer is a person (or an agent that works for one) and sees what that
// person's memberships give. An actor is work that no person does; each has a
// list of entities and verbs, and nothing else.
package access

import (
	"context"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

// Viewer is the authenticated person on whose behalf a request is served.
type Viewer struct {
	UserID string
	// SessionID or KeyID is the credential that was shown. Neither is set when an
	// agent works for the person.
	SessionID string
	KeyID     string
	// ExpiresAt is when the credential ends; zero when it doesn't.
	ExpiresAt time.Time
	// Agent is the slug of the agent that works with this person's rights, if one does.
	Agent string
}

// Actor names work without a person. See actors.go for what each may do.
type Actor string

// The actors.
const (
	Auth        Actor = "auth"        // signs people in, checks credentials
	Engine      Actor = "engine"      // advances runs and writes what came of them
	Commands    Actor = "commands"    // runs commands in sandboxes and writes what came of them
	Relay       Actor = "relay"       // reads the log for subscribers whose right was checked
	Maintenance Actor = "maintenance" // start-up, clean-up, health
	Console     Actor = "console"     // keeps what apps report of their consoles
)

type contextKey struct{}

type identity struct {
	viewer *Viewer
	actor  Actor
}

// WithViewer serves everything below ctx with v's rights.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, contextKey{}, identity{viewer: &v})
}

// As does everything below ctx as actor, whoever the viewer was.
func As(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, identity{actor: actor})
}

// ViewerFrom returns the viewer, or nil when nobody is signed in or an actor works.
func ViewerFrom(ctx context.Context) *Viewer {
	id, _ := ctx.Value(contextKey{}).(identity)
	return id.viewer
}

// RequireViewer returns the viewer, or UNAUTHENTICATED.
func RequireViewer(ctx context.Context) (*Viewer, error) {
	if v := ViewerFrom(ctx); v != nil {
		return v, nil
	}
	return nil, problem.New(problem.Unauthenticated, "sign in first: send an access token or an API key as \"Authorization: Bearer …\"")
}

// RequireActor refuses everybody but actor: for raw SQL that no policy sees.
func RequireActor(ctx context.Context, actor Actor) error {
	if actorFrom(ctx) != actor {
		return fmt.Errorf("this is for the actor %q alone", actor)
	}
	return nil
}

func actorFrom(ctx context.Context) Actor {
	id, _ := ctx.Value(contextKey{}).(identity)
	return id.actor
}
