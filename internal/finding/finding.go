// Package finding keeps the flaws that scans and reviewers find in projects.
//
// A finding belongs to a branch, and the same flaw found again is the same finding: it is
// known by its rule, its file and what stands there, wherever the line has moved. A scan that
// looks at its file and doesn't see it any more makes it FIXED; one that sees it again makes
// it OPEN. What a person has dismissed stays so.
package finding

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entfinding "github.com/zeblit/zeblit/ent/finding"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Options are the parts that a Service works with.
type Options struct {
	DB    *store.DB
	Log   *stream.Log
	Files *workspace.Workspace
	// Page asks for the first page of a project's preview, as the person in the context.
	// What a person can do about its absence is a *problem.Error.
	Page func(ctx context.Context, projectID, ref string) (*security.Page, error)
}

// Service scans projects and keeps what is found.
type Service struct {
	Options
	atOnce chan struct{} // as many scans may run in this process
}

// scansAtOnce is how many scans run in a process; more wait.
const scansAtOnce = 2

// New makes a Service.
func New(o Options) *Service { return &Service{o, make(chan struct{}, scansAtOnce)} }

// Filter is which findings of a project are meant. What is empty chooses nothing.
type Filter struct {
	States     []enum.FindingState
	Severities []enum.Severity
	Checks     []enum.SecurityCheck
	Branch     string
}

// Where makes the filter a part of a query, which narrows it to what its viewer may see.
func (f Filter) Where(projectID string) predicate.Finding {
	all := []predicate.Finding{entfinding.ProjectID(projectID)}
	if len(f.States) > 0 {
		all = append(all, entfinding.StateIn(f.States...))
	}
	if len(f.Severities) > 0 {
		all = append(all, entfinding.SeverityIn(f.Severities...))
	}
	if len(f.Checks) > 0 {
		all = append(all, entfinding.CheckIn(f.Checks...))
	}
	switch {
	case f.Branch == "":
	case workspace.CheckBranch(f.Branch) != nil: // there is none of such a name
		all = append(all, entfinding.IDIn())
	default:
		all = append(all, entfinding.Branch(f.Branch))
	}
	return entfinding.And(all...)
}

// maxReason is the longest reason, in bytes.
const maxReason = 2000

// Dismiss says in the viewer's name, who needs the role EDITOR, that an open finding is
// none, or is taken as it is. One that is dismissed already gets the new reason.
func (s *Service) Dismiss(ctx context.Context, id, reason string) (*ent.Finding, error) {
	return s.decide(ctx, id, func(f *ent.Finding) error {
		if err := text("reason", reason, maxReason); err != nil {
			return err
		}
		f.Reason, f.State = reason, enum.FindingDismissed
		return nil
	})
}

// Reopen takes a dismissal back.
func (s *Service) Reopen(ctx context.Context, id string) (*ent.Finding, error) {
	return s.decide(ctx, id, func(f *ent.Finding) error {
		f.Reason, f.State = "", enum.FindingOpen
		return nil
	})
}

// decide changes a finding that isn't FIXED; the errors are NOT_FOUND with the field
// "findingId", FORBIDDEN, and PRECONDITION_FAILED.
func (s *Service) decide(ctx context.Context, id string, change func(f *ent.Finding) error) (decided *ent.Finding, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if relay.IDPrefix(id) != "fnd" {
		return nil, problem.Missing("findingId", "finding")
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		f, err := tx.Ent.Finding.Get(ctx, id)
		if ent.IsNotFound(err) {
			return problem.Missing("findingId", "finding")
		}
		if err != nil {
			return err
		}
		if err := access.RequireRole(ctx, tx.Ent, f.ProjectID, enum.ProjectEditor); err != nil {
			return err
		}
		before := *f
		if err := change(f); err != nil {
			return err
		}
		if before.State == enum.FindingFixed {
			return problem.New(problem.PreconditionFailed, "it is fixed: a scan that finds it again opens it")
		}
		decided = f
		if f.State == before.State && f.Reason == before.Reason {
			return nil
		}
		if decided, err = tx.Ent.Finding.UpdateOneID(id).SetState(f.State).SetReason(f.Reason).SetDecidedByID(viewer.UserID).Save(ctx); err != nil {
			return fmt.Errorf("decide on finding %s: %w", id, err)
		}
		return s.tell(ctx, tx, f.ProjectID, "", stream.Actor{UserID: viewer.UserID}, decided)
	})
	return decided, err
}

// tell appends an event for each finding.
func (s *Service) tell(ctx context.Context, tx *store.Tx, projectID, runID string, by stream.Actor, all ...*ent.Finding) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, projectID)
	if err != nil {
		return err
	}
	for _, f := range all {
		s.Log.Append(tx, handle, stream.Draft{Type: enum.EventFindingChanged, RunID: runID, Payload: stream.FindingPayload{V: 1, Finding: f, Actor: &by}})
	}
	return nil
}
