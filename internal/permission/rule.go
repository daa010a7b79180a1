package permission

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/ent/permissionrule"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	maxRules = 200 // of one project, or of one organisation
	maxWords = 500 // bytes of a pattern
)

// RuleInput is a rule to set: an organisation's or a project's. What is empty is not
// looked at.
type RuleInput struct {
	OrganisationID, ProjectID string
	Outcome                   enum.PermissionOutcome
	Class                     *enum.CallClass
	Agent, Tool               string
	Path, Command             string
	Until                     *time.Time
}

// SetRule adds a rule for the viewer, who must be the project's owner, or an admin of the
// organisation. The same rule once more returns the one that is there.
func (s *Service) SetRule(ctx context.Context, in RuleInput) (rule *ent.PermissionRule, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		organisation, project, err := owner(ctx, tx.Ent, viewer, in.OrganisationID, in.ProjectID)
		if err != nil {
			return err
		}
		if viewer.Agent != "" {
			return problem.New(problem.Forbidden, "an agent can't set what agents may do")
		}
		if err := in.check(); err != nil {
			return err
		}
		there, err := tx.Ent.PermissionRule.Query().Where(permissionrule.OrganisationID(organisation)).All(ctx)
		if err != nil {
			return err
		}
		own := 0
		for _, r := range there {
			if r.ProjectID == nil != (project == nil) || project != nil && *r.ProjectID != *project {
				continue
			}
			if own++; in.same(r) {
				rule = r
				return nil
			}
		}
		if own >= maxRules {
			return problem.New(problem.Conflict, "there are %d rules, which is as many as there may be: delete one first", maxRules)
		}
		rule, err = tx.Ent.PermissionRule.Create().SetOrganisationID(organisation).SetNillableProjectID(project).
			SetOutcome(in.Outcome).SetNillableClass(in.Class).SetAgent(in.Agent).SetTool(in.Tool).SetPath(in.Path).SetCommand(in.Command).
			SetNillableUntil(in.Until).SetCreatedByID(viewer.UserID).Save(ctx)
		return err
	})
	return rule, err
}

func (in *RuleInput) same(r *ent.PermissionRule) bool {
	return r.Outcome == in.Outcome && equal(r.Class, in.Class) && r.Agent == in.Agent && r.Tool == in.Tool && r.Path == in.Path && r.Command == in.Command &&
		(r.Until == nil) == (in.Until == nil) && (r.Until == nil || r.Until.Equal(*in.Until))
}

func equal[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func (in *RuleInput) check() error {
	in.Command = strings.Join(strings.Fields(in.Command), " ")
	if len(in.Path) > maxWords || len(in.Command) > maxWords {
		return problem.BadField("path", "a pattern has %d bytes at most", maxWords)
	}
	if in.Agent != "" {
		if _, err := agent.Find(in.Agent); err != nil {
			return err
		}
	}
	if in.Tool != "" && tools.Find(in.Tool) == nil {
		return problem.BadField("tool", "there is no such tool; there are: %s", strings.Join(toolNames(), ", "))
	}
	if in.Until != nil {
		until := in.Until.UTC().Truncate(time.Microsecond)
		if in.Until = &until; !until.After(store.Now()) {
			return problem.BadField("until", "until is past: a rule ends later than now")
		}
	}
	row := &ent.PermissionRule{Outcome: in.Outcome, Class: in.Class, Path: in.Path}
	if err := RuleOf(row).Check(); err != nil {
		return problem.BadField("path", "%s", err.Error())
	}
	return nil
}

func toolNames() []string {
	var names []string
	for _, r := range agent.Roster() {
		for _, name := range r.Tools {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// DeleteRule deletes a rule for the viewer, who may set it.
func (s *Service) DeleteRule(ctx context.Context, id string) error {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	missing := problem.Missing("permissionRuleId", "permission rule")
	if relay.IDPrefix(id) == "" {
		return missing
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		rule, err := tx.Ent.PermissionRule.Get(ctx, id)
		if ent.IsNotFound(err) {
			return missing
		}
		if err != nil {
			return err
		}
		organisation, project := rule.OrganisationID, ""
		if rule.ProjectID != nil {
			organisation, project = "", *rule.ProjectID
		}
		if _, _, err := owner(ctx, tx.Ent, viewer, organisation, project); err != nil {
			return err
		}
		if viewer.Agent != "" {
			return problem.New(problem.Forbidden, "an agent can't set what agents may do")
		}
		return tx.Ent.PermissionRule.DeleteOne(rule).Exec(ctx)
	})
}

// owner is whose rules are meant, of those that the viewer may set.
func owner(ctx context.Context, c *ent.Client, viewer *access.Viewer, organisationID, projectID string) (organisation string, project *string, err error) {
	if projectID != "" {
		missing := problem.Missing("projectId", "project")
		if relay.IDPrefix(projectID) == "" {
			return "", nil, missing
		}
		p, err := c.Project.Get(ctx, projectID)
		if ent.IsNotFound(err) {
			return "", nil, missing
		}
		if err != nil {
			return "", nil, err
		}
		if organisationID == "" {
			return p.OrganisationID, &p.ID, access.RequireRole(ctx, c, p.ID, enum.ProjectOwner)
		}
	}
	if organisationID == "" {
		return "", nil, problem.BadField("projectId", "name the project or the organisation whose rule it is")
	}
	missing := problem.Missing("organisationId", "organisation")
	if relay.IDPrefix(organisationID) == "" {
		return "", nil, missing
	}
	member, err := c.OrgMembership.Query().Where(orgmembership.OrganisationID(organisationID), orgmembership.UserID(viewer.UserID)).Exist(ctx)
	if err != nil {
		return "", nil, err
	}
	if !member {
		return "", nil, missing
	}
	if projectID != "" {
		return "", nil, problem.BadField("projectId", "name the organisation or the project, not both")
	}
	admin, err := access.Administers(ctx, c, viewer, organisationID)
	if err == nil && !admin {
		err = problem.New(problem.Forbidden, "an organisation's rules are set by its admins")
	}
	return organisationID, nil, err
}
