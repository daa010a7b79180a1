package project

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	entapproval "github.com/zeblit/zeblit/ent/approval"
	entcommand "github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/consolekey"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	entmerge "github.com/zeblit/zeblit/ent/merge"
	entplan "github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/ent/providerkey"
	entquestion "github.com/zeblit/zeblit/ent/question"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	enttask "github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Delete takes a project with everything in it out of everybody's sight; it needs the role
// OWNER. What agents are doing in it ends: none of it is written any more, and their
// workers stop within a fifth of a second. What the project held is removed by a Sweeper.
//
// That it is being deleted stands in the head of its log, which is closed.
func (s *Service) Delete(ctx context.Context, id string) (err error) {
	for range deleteTries {
		if err = s.delete(ctx, id); !store.Deadlocked(err) {
			return err
		}
	}
	return err
}

func (s *Service) delete(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := access.RequireRole(ctx, tx.Ent, id, enum.ProjectOwner); err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, id)
		if err != nil {
			return err
		}
		err = s.runs.Abandon(ctx, tx, id)
		if ent.IsNotFound(err) {
			return problem.Missing("projectId", "project") // by another, who was first
		}
		if err != nil {
			return err
		}
		for _, e := range endings {
			if err := e.make(ctx, tx, id); err != nil {
				return err
			}
		}
		if err := s.log.Close(ctx, tx, handle); err != nil {
			return err
		}
		tx.AfterCommit(s.hint)
		return nil
	})
}

// hint says that there may be a project to remove.
func (s *Service) hint() {
	select {
	case s.deleted <- struct{}{}:
	default:
	}
}

// deleteTries is how often a deletion is begun anew that stood in the way of somebody who
// has a row of the project and adds to it: it has the project and wants the row.
const deleteTries = 3

// ending is what must not outlive a project's deletion in one table.
type ending struct {
	table string
	// to is the state of what is in one of the states open from then on; it is empty where
	// all the rows go.
	to   string
	open []string
}

// endings are what somebody would go on with by himself, and what gives access. They are
// few rows, whatever the project's size.
var endings = []ending{
	{entplan.Table, string(enum.PlanCancelled), []string{string(enum.PlanProposed), string(enum.PlanActive)}},
	{enttask.Table, string(enum.TaskCancelled), []string{string(enum.TaskInProgress), string(enum.TaskMerging)}},
	{entquestion.Table, string(enum.QuestionCancelled), []string{string(enum.QuestionOpen)}},
	{entapproval.Table, string(enum.ApprovalCancelled), []string{string(enum.ApprovalPending)}},
	{entmerge.Table, string(enum.MergeCancelled), []string{string(enum.MergeQueued), string(enum.MergeMerging)}},
	{entcommand.Table, string(enum.CommandLost), []string{string(enum.CommandQueued), string(enum.CommandRunning)}},
	{table: entsandbox.Table},
	{table: consolekey.Table},
	{table: providerkey.Table},
	{table: membership.Table},
}

func (e ending) make(ctx context.Context, tx *store.Tx, projectID string) error {
	query, args := "DELETE FROM "+e.table+" WHERE project_id = $1", []any{projectID}
	if e.to != "" {
		query, args = "UPDATE "+e.table+" SET state = $1 WHERE project_id = $2 AND state IN (", []any{e.to, projectID}
		for i, state := range e.open {
			if i > 0 {
				query += ", "
			}
			args = append(args, state)
			query += fmt.Sprintf("$%d", len(args))
		}
		query += ")"
	}
	if _, err := tx.SQL.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("end the %s of project %s: %w", e.table, projectID, err)
	}
	return nil
}
