// Package permission is what agents may do here: the rules that organisations, projects
// and the installation set, the questions to people that come of them, and their answers.
// What the rules make of a call is decided by package policy.
package permission

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/ent/permissionrule"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// DefaultExpiry is how long a question waits for its answer.
const DefaultExpiry = 24 * time.Hour

// Options are the parts that a Service works with.
type Options struct {
	DB  *store.DB
	Log *stream.Log
	// Rules are the installation's.
	Rules []policy.Rule
	// Expiry is after which a question that nobody answers is denied. 0: a day.
	Expiry time.Duration
}

// Service keeps rules and asks people.
type Service struct{ Options }

// New makes a Service.
func New(o Options) *Service {
	o.Expiry = cmp.Or(o.Expiry, DefaultExpiry)
	return &Service{o}
}

// Judge says what is to become of a call of a run, for the engine.
func (s *Service) Judge(ctx context.Context, c *ent.Client, r *ent.Run, call policy.Call) (policy.Decision, error) {
	return s.judge(ctx, c, r, call, policy.Moment{RunID: r.ID, Now: store.Now()})
}

// JudgeAnew says what is to become of a call of a run that is made once more later, when
// nobody asks for it. What people allowed for that call, or for that run, is over.
func (s *Service) JudgeAnew(ctx context.Context, c *ent.Client, r *ent.Run, call policy.Call) (policy.Decision, error) {
	call.ID = ""
	return s.judge(ctx, c, r, call, policy.Moment{Now: store.Now()})
}

func (s *Service) judge(ctx context.Context, c *ent.Client, r *ent.Run, call policy.Call, at policy.Moment) (policy.Decision, error) {
	by, err := s.crew(ctx, c, r)
	if err != nil {
		return policy.Decision{}, err
	}
	d := policy.Decide(call, by, at)
	if d.Outcome != policy.Ask {
		return d, nil
	}
	grants, err := grants(ctx, c, r, call)
	if err != nil {
		return policy.Decision{}, err
	}
	return policy.Decide(call, by, at, grants...), nil
}

// crew is the run's agent, and above it those for whom it works.
func (s *Service) crew(ctx context.Context, c *ent.Client, r *ent.Run) (*policy.Agent, error) {
	shared, err := s.shared(ctx, c, r.ProjectID)
	if err != nil {
		return nil, err
	}
	var first, last *policy.Agent
	asked := false // whether the one below only answers this one's question
	for range policyDepth {
		a, err := s.member(ctx, c, r, shared, asked)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = a
		} else {
			last.Parent = a
		}
		last, asked = a, r.CallID != ""
		if r.ParentID == nil {
			return first, nil
		}
		if r, err = c.Run.Get(ctx, *r.ParentID); err != nil {
			return nil, fmt.Errorf("read the run above: %w", err)
		}
	}
	last.Parent = &policy.Agent{} // too deep: an agent without layers may do nothing
	return first, nil
}

// policyDepth is how many runs may be above each other; more are denied everything.
const policyDepth = 8

// member is one agent with all layers that bind it. Of one who asks, they bind the asked too.
func (s *Service) member(ctx context.Context, c *ent.Client, r *ent.Run, shared []policy.Layer, asks bool) (*policy.Agent, error) {
	worker, err := c.Agent.Get(ctx, r.AgentID)
	if err != nil {
		return nil, fmt.Errorf("read the agent of run %s: %w", r.ID, err)
	}
	role, err := agent.Find(worker.Slug)
	if err != nil {
		return nil, err
	}
	standing := policy.Stranger
	place, err := c.Membership.Query().Where(membership.ProjectID(r.ProjectID), membership.UserID(r.UserID)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
	case err != nil:
		return nil, fmt.Errorf("read the standing of user %s: %w", r.UserID, err)
	case place.Role == enum.ProjectViewer:
		standing = policy.Reader
	default:
		standing = policy.Editor
	}
	layers := append([]policy.Layer{policy.InstanceLayer(s.Rules...)}, shared...)
	rules := role.Rules()
	if asks {
		rules = append(rules, role.Bounds()...)
	}
	layers = append(layers, policy.PersonLayer(standing), policy.Layer{Name: policy.Role, Rules: rules})
	return &policy.Agent{Slug: worker.Slug, Layers: layers}, nil
}

// shared are the layers of a project and its organisation.
func (s *Service) shared(ctx context.Context, c *ent.Client, projectID string) ([]policy.Layer, error) {
	p, err := c.Project.Get(ctx, projectID)
	if err != nil {
		return nil, fmt.Errorf("read project %s: %w", projectID, err)
	}
	rows, err := c.PermissionRule.Query().Where(
		permissionrule.OrganisationID(p.OrganisationID),
		permissionrule.Or(permissionrule.ProjectIDIsNil(), permissionrule.ProjectID(p.ID)),
		permissionrule.Or(permissionrule.UntilIsNil(), permissionrule.UntilGT(store.Now())),
	).Order(ent.Asc(permissionrule.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the rules of project %s: %w", projectID, err)
	}
	organisation, project := policy.Layer{Name: policy.Organisation}, policy.Layer{Name: policy.Project}
	for _, row := range rows {
		layer := &organisation
		if row.ProjectID != nil {
			layer = &project
		}
		layer.Rules = append(layer.Rules, RuleOf(row))
	}
	return []policy.Layer{organisation, project}, nil
}

// RuleOf is the rule that a row says.
func RuleOf(row *ent.PermissionRule) policy.Rule {
	r := policy.Rule{ID: row.ID, Agent: row.Agent, Command: row.Command}
	switch row.Outcome {
	case enum.PermissionAllow:
		r.Outcome = policy.Allow
	case enum.PermissionAsk:
		r.Outcome = policy.Ask
	}
	if row.Class != nil {
		r.Class = policy.Class(*row.Class)
	}
	if row.Tool != "" {
		r.Tools = []string{row.Tool}
	}
	if row.Path != "" {
		r.Paths = []string{row.Path}
	}
	return r
}

// grants are the approvals that may cover a call.
func grants(ctx context.Context, c *ent.Client, r *ent.Run, call policy.Call) ([]policy.Grant, error) {
	rows, err := c.Approval.Query().Where(
		approval.ProjectID(r.ProjectID), approval.Subject(call.Key()), approval.StateEQ(enum.ApprovalApproved),
		approval.Or(
			approval.ToolCallID(call.ID),
			approval.And(approval.RememberEQ(enum.ApprovedRun), approval.RunID(r.ID)),
			approval.RememberEQ(enum.ApprovedProject),
		),
	).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what was approved: %w", err)
	}
	var out []policy.Grant
	for _, row := range rows {
		out = append(out, policy.Grant{Scope: policy.Once, Key: row.Subject, CallID: row.ToolCallID})
		g := policy.Grant{Scope: policy.Scope(row.Remember), Key: row.Subject, CallID: row.ToolCallID, RunID: row.RunID}
		if row.Until != nil {
			g.Until = *row.Until
		}
		out = append(out, g)
	}
	return out, nil
}
