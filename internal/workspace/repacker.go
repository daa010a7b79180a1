package workspace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent/gitstorage"
	"github.com/zeblit/zeblit/internal/access"
)

const (
	// repackEvery is the pause between two looks for projects to repack, about.
	repackEvery = 10 * time.Minute
	// repackAbove is how many loose objects a project may have.
	repackAbove = 2000
)

// Repacker keeps repositories small: it packs the loose objects of projects that have
// many, and drops what nothing refers to any more. It works on one project at a time,
// and one small pack at a time, so that what it takes is bounded.
type Repacker struct {
	workspace *Workspace
	logger    *slog.Logger
}

// NewRepacker makes a Repacker of the projects of w.
func NewRepacker(w *Workspace, logger *slog.Logger) *Repacker { return &Repacker{w, logger} }

// Run repacks now and then until ctx ends. On several nodes at once it does no harm: each
// step is transactions that only one of them can make.
func (r *Repacker) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(repackEvery/2 + rand.N(repackEvery)):
		}
		if err := r.all(access.As(ctx, access.Maintenance)); err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "repositories could not be repacked; it is tried again", "error", err)
		}
	}
}

func (r *Repacker) all(ctx context.Context) error {
	large, err := r.workspace.db.Ent.GitStorage.Query().Where(gitstorage.LooseGT(repackAbove), ofOpen).
		Order(gitstorage.ByID()).Select(gitstorage.FieldProjectID).Strings(ctx)
	if err != nil {
		return fmt.Errorf("look for projects to repack: %w", err)
	}
	for _, id := range large {
		done, err := r.Repack(ctx, id)
		if errors.Is(err, errOvertaken) {
			continue // by another node, or by those who write: the next time
		}
		if err != nil {
			r.logger.WarnContext(ctx, "a repository could not be repacked", "project", id, "error", err)
			continue
		}
		r.logger.InfoContext(ctx, "a repository was repacked", "project", id, "packed", done.Packed, "dropped", done.Dropped)
	}
	return ctx.Err()
}

// ofOpen holds for the storage of projects that are not being deleted: the objects of
// those go one by one.
func ofOpen(s *sql.Selector) {
	s.Where(sql.ExprP("NOT EXISTS (SELECT 1 FROM streams AS st WHERE st.id = " + s.C(gitstorage.FieldProjectID) + " AND st.head < 0)"))
}

// Repacked is what was done to a repository.
type Repacked struct {
	Packed, Dropped int
	// Skipped says why unreachable objects were not looked for, or not all were dropped;
	// "" when they were.
	Skipped string
}

// Repack packs one project's loose objects, whatever their number, and drops the
// unreachable ones. What readers see does not change. It needs the actor Maintenance.
func (r *Repacker) Repack(ctx context.Context, projectID string) (Repacked, error) {
	var done Repacked
	if err := access.RequireActor(ctx, access.Maintenance); err != nil {
		return done, err
	}
	p := &packer{db: r.workspace.db, packs: r.workspace.packs, project: projectID}
	var err error
	done.Dropped, err = p.sweep(ctx, r.workspace.now())
	switch {
	case errors.Is(err, errTooManyObjects):
		done.Skipped = err.Error()
		r.logger.WarnContext(ctx, "unreachable objects are not looked for", "project", projectID, "reason", done.Skipped)
	case errors.Is(err, plumbing.ErrObjectNotFound): // a branch lacks something: nothing more is to go
		done.Skipped = err.Error()
		r.logger.ErrorContext(ctx, "a repository is damaged", "project", projectID, "error", err)
	case errors.Is(err, errOvertaken): // somebody writes: the others are dropped the next time
		done.Skipped = err.Error()
	case err != nil:
		return done, err
	}
	for more := true; more; {
		if more, err = p.unpack(ctx); err != nil {
			return done, err
		}
	}
	for {
		n, err := p.pack(ctx)
		if err != nil || n == 0 {
			return done, err
		}
		done.Packed += n
	}
}
