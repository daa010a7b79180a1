// Package approvallink makes links by which one question to people can be answered
// without signing in: from a phone, say. A link is signed, is about that question alone,
// ends with it, and answers with the rights that its maker has then. As the first answer
// counts, it can be used once.
package approvallink

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

// Prefix is where the links lead, below the server's address.
const Prefix = "/approvals/"

// maxLifetime is how long a link holds at most.
const maxLifetime = 24 * time.Hour

// Signer makes tokens of the viewer and opens them; see identity.Service.
type Signer interface {
	SignLink(ctx context.Context, what any, lifetime time.Duration) (token string, expires time.Time, err error)
	OpenLink(ctx context.Context, token string, what any) (_ context.Context, id string, err error)
}

// Links makes and opens links.
type Links struct {
	DB          *store.DB
	Signer      Signer
	Permissions *permission.Service
	Waiting     permission.Waiting // the runs that wait for answers
	PublicURL   func() string
}

// signed is what a link is for.
type signed struct {
	Approval string `json:"approval"`
}

// Make makes a link to answer a question by. The viewer needs the role EDITOR, now and
// when it is used. A question that is answered needs none: CONFLICT.
func (l *Links) Make(ctx context.Context, approvalID string) (link string, expires time.Time, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	a, err := l.find(ctx, approvalID)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := access.RequireRole(ctx, l.DB.Ent, a.ProjectID, enum.ProjectEditor); err != nil {
		return "", time.Time{}, err
	}
	left := a.ExpiresAt.Sub(store.Now())
	switch {
	case viewer.Agent != "":
		return "", time.Time{}, problem.New(problem.Forbidden, "an agent can't approve what agents ask: a person has to")
	case a.State != enum.ApprovalPending || left <= 0:
		return "", time.Time{}, problem.New(problem.Conflict, "there is nothing to answer any more: it is %s", a.State)
	}
	token, expires, err := l.Signer.SignLink(ctx, signed{a.ID}, min(left, maxLifetime))
	if err != nil {
		return "", time.Time{}, err
	}
	return l.PublicURL() + Prefix + token, expires, nil
}

// Open returns what a link is about, and a context with its maker's rights.
func (l *Links) Open(ctx context.Context, token string) (context.Context, *ent.Approval, error) {
	var s signed
	ctx, _, err := l.Signer.OpenLink(ctx, token, &s)
	if err != nil {
		return nil, nil, err
	}
	if s.Approval == "" {
		return nil, nil, problem.New(problem.Unauthenticated, "this link is for something else")
	}
	a, err := l.find(ctx, s.Approval)
	return ctx, a, err
}

// Answer answers with a link of Open.
func (l *Links) Answer(ctx context.Context, a *ent.Approval, d enum.ApprovalDecision, comment string) (*ent.Approval, error) {
	return l.Permissions.Resolve(ctx, l.Waiting, permission.Resolution{ApprovalID: a.ID, Decision: d, Comment: comment})
}

// Asker is the agent that asks.
func (l *Links) Asker(ctx context.Context, a *ent.Approval) (*ent.Agent, error) {
	return l.DB.Ent.Agent.Get(ctx, a.AgentID)
}

func (l *Links) find(ctx context.Context, id string) (*ent.Approval, error) {
	missing := problem.Missing("approvalId", "approval")
	if relay.IDPrefix(id) != "apr" {
		return nil, missing
	}
	a, err := l.DB.Ent.Approval.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, missing
	}
	return a, err
}
