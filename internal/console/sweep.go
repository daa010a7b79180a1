package console

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zeblit/zeblit/ent/consoleentry"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// sweepEvery is the pause between two sweeps, about.
	sweepEvery = 10 * time.Minute
	// sweepProjects is how many projects one look finds at a time.
	sweepProjects = 200
)

// Run removes what is older than the retention now and then, until ctx ends. Several
// nodes may do so at once.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)):
		}
		if err := s.Sweep(ctx, time.Now().Add(-s.Retention)); err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "old entries of consoles could not be removed; it is tried again", "error", err)
		}
	}
}

// Sweep removes what was reported before then, and takes it out of the logs.
func (s *Service) Sweep(ctx context.Context, before time.Time) error {
	ctx, before = access.As(ctx, access.Console), before.UTC()
	for {
		projects, err := s.DB.Ent.ConsoleEntry.Query().Where(consoleentry.CreatedAtLT(before)).
			Limit(sweepProjects).GroupBy(consoleentry.FieldProjectID).Strings(ctx)
		if err != nil {
			return fmt.Errorf("look for old entries of consoles: %w", err)
		}
		for _, id := range projects {
			err := s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return s.remove(ctx, tx, id, before) })
			if err != nil {
				return fmt.Errorf("remove old entries of the console of %s: %w", id, err)
			}
		}
		if len(projects) < sweepProjects {
			return nil
		}
	}
}

// Clear removes all of a project's entries and tells those who watch. It needs the role
// EDITOR.
func (s *Service) Clear(ctx context.Context, projectID string) error {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := access.RequireRole(ctx, tx.Ent, projectID, enum.ProjectEditor); err != nil {
			return err
		}
		if err := s.remove(ctx, tx, projectID, store.Now().Add(time.Minute)); err != nil { // another node's clock may be ahead
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, projectID)
		if err != nil {
			return err
		}
		s.Log.Append(tx, handle, stream.Draft{Type: enum.EventConsoleOutput, Payload: stream.ConsolePayload{
			V: 1, Cleared: true, Actor: &stream.Actor{UserID: viewer.UserID},
		}})
		return nil
	})
}

func (s *Service) remove(ctx context.Context, tx *store.Tx, projectID string, before time.Time) error {
	_, err := tx.Ent.ConsoleEntry.Delete().Where(consoleentry.ProjectID(projectID), consoleentry.CreatedAtLT(before)).Exec(ctx)
	if err != nil {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, projectID)
	if err != nil {
		return err
	}
	return s.Log.Unsay(ctx, tx, handle, before)
}
