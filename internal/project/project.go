// Package project makes, changes and deletes projects. A project comes with its
// maker's membership, the head of its event log and the files of the template that it
// starts from, in one transaction. It goes out of everybody's sight in one too, which
// takes no longer where there is much in it: what it held is removed afterwards, a little
// at a time, by a Sweeper.
package project

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/organisation"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/template"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	maxName        = 120  // characters
	maxDescription = 2000 // characters
)

// Service changes projects with the viewer's rights.
type Service struct {
	db    *store.DB
	log   *stream.Log
	files Files
	runs  Runs
	// deleted holds a token while there may be a project to remove.
	deleted chan struct{}
}

// Files are what is in projects.
type Files interface {
	CommitTx(ctx context.Context, tx *store.Tx, on workspace.Branch, author workspace.Author, message string, changes ...workspace.Change) (string, error)
}

// Runs are what agents do in projects.
type Runs interface {
	// Abandon ends all of them in a project that the transaction deletes, and keeps
	// everybody from adding to the project until it ends.
	Abandon(ctx context.Context, tx *store.Tx, projectID string) error
}

// New makes a Service that announces changes in log.
func New(db *store.DB, log *stream.Log, files Files, runs Runs) *Service {
	return &Service{db: db, log: log, files: files, runs: runs, deleted: make(chan struct{}, 1)}
}

// CreateInput is a project to make.
type CreateInput struct {
	Name        string // 1–120 characters, not only blanks
	Description string // at most 2,000 characters
	// OrganisationID is the organisation that owns it; "" is the viewer's personal one.
	OrganisationID string
	// Template is the slug of what it starts from; "" is nothing.
	Template string `json:",omitempty"`
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Create makes a project that the viewer owns. With a key that was used before it
// returns the project made then; NOT_FOUND when that is gone.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.Project, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if err := check(&in.Name, &in.Description); err != nil {
		return nil, err
	}
	if in.Template != "" {
		if _, err := template.Find(in.Template); err != nil {
			return nil, err
		}
	}
	var id string
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		var err error
		id, _, err = idempotency.Do(ctx, tx, "createProject", in.IdempotencyKey, in, func() (string, error) {
			return s.create(ctx, tx, viewer, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := s.db.Ent.Project.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, problem.Missing("", "project")
	}
	return p, err
}

func (s *Service) create(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in CreateInput) (id string, err error) {
	organisationID, err := organisationFor(ctx, tx, viewer, in.OrganisationID)
	if err != nil {
		return "", err
	}
	p, err := tx.Ent.Project.Create().SetName(in.Name).SetDescription(in.Description).SetTemplate(in.Template).
		SetOwnerID(viewer.UserID).SetOrganisationID(organisationID).Save(ctx)
	if err != nil {
		return "", fmt.Errorf("create project: %w", err)
	}
	err = tx.Ent.Membership.Create().SetProjectID(p.ID).SetUserID(viewer.UserID).SetRole(enum.ProjectOwner).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("create the owner's membership: %w", err)
	}
	if err := tx.Ent.Stream.Create().SetID(p.ID).Exec(ctx); err != nil {
		return "", fmt.Errorf("create the stream: %w", err)
	}
	return p.ID, s.begin(ctx, tx, viewer, p, in.Template)
}

// begin makes the project's first commit, of the template's files.
func (s *Service) begin(ctx context.Context, tx *store.Tx, viewer *access.Viewer, p *ent.Project, slug string) error {
	if slug == "" {
		return nil
	}
	t, err := template.Find(slug)
	if err != nil {
		return err
	}
	files, err := t.Files(p.Name)
	if err != nil {
		return err
	}
	changes := make([]workspace.Change, len(files))
	for i, f := range files {
		changes[i] = workspace.Change{Path: f.Path, Content: &f.Text}
	}
	author := workspace.Author{UserID: viewer.UserID} // it is the server that wrote them
	if _, err := s.files.CommitTx(ctx, tx, workspace.Main(p.ID), author, "Start from the template "+t.Slug, changes...); err != nil {
		return fmt.Errorf("commit the template %s: %w", slug, err)
	}
	return nil
}

// organisationFor is the one asked for when the viewer belongs to it, else their personal one.
func organisationFor(ctx context.Context, tx *store.Tx, viewer *access.Viewer, wanted string) (string, error) {
	mine := tx.Ent.OrgMembership.Query().Where(orgmembership.UserID(viewer.UserID))
	if wanted != "" {
		if relay.IDPrefix(wanted) == "" {
			return "", problem.Missing("organisationId", "organisation")
		}
		found, err := mine.Where(orgmembership.OrganisationID(wanted)).Exist(ctx)
		if err == nil && !found {
			err = problem.Missing("organisationId", "organisation")
		}
		return wanted, err
	}
	m, err := mine.Where(orgmembership.HasOrganisationWith(organisation.Personal(true))).
		Order(orgmembership.ByOrganisationID()).First(ctx)
	if err != nil {
		return "", fmt.Errorf("find the personal organisation of %s: %w", viewer.UserID, err)
	}
	return m.OrganisationID, nil
}

// UpdateInput is a change of a project. What is nil stays.
type UpdateInput struct {
	ID          string
	Name        *string
	Description *string
	// PlanApproval says whether people have to approve plans.
	PlanApproval *bool
}

// Update changes a project; it needs the role EDITOR.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.Project, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if err := check(in.Name, in.Description); err != nil {
		return nil, err
	}
	var p *ent.Project
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := access.RequireRole(ctx, tx.Ent, in.ID, enum.ProjectEditor); err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, in.ID)
		if err != nil {
			return err
		}
		p, err = tx.Ent.Project.UpdateOneID(in.ID).SetNillableName(in.Name).SetNillableDescription(in.Description).
			SetNillablePlanApproval(in.PlanApproval).SetUpdatedAt(store.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("update project: %w", err)
		}
		s.log.Append(tx, handle, stream.Draft{Type: enum.EventProjectUpdated, Payload: stream.ProjectPayload{
			V: 1, Project: p, Actor: &stream.Actor{UserID: viewer.UserID},
		}})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// check trims the name and judges both; nil is not given.
func check(name, description *string) error {
	if name != nil {
		*name = strings.TrimSpace(*name)
		switch n := utf8.RuneCountInString(*name); {
		case n == 0:
			return problem.BadField("name", "name is required")
		case n > maxName:
			return problem.BadField("name", "name is at most %d characters; this is %d", maxName, n)
		case !utf8.ValidString(*name) || strings.ContainsFunc(*name, unicode.IsControl):
			return problem.BadField("name", "name must be one line of valid UTF-8")
		}
	}
	if description != nil {
		switch n := utf8.RuneCountInString(*description); {
		case n > maxDescription:
			return problem.BadField("description", "description is at most %d characters; this is %d", maxDescription, n)
		case !utf8.ValidString(*description) || strings.Contains(*description, "\x00"):
			return problem.BadField("description", "description must be valid UTF-8 without NUL characters")
		}
	}
	return nil
}
