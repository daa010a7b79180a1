package access

import (
	"context"
	"slices"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	entpredicate "github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
)

// StreamHandle is the right to use one project's event log, which is read and
// written with raw SQL. Only this package can make one, after checking.
type StreamHandle struct {
	project string
	write   bool
}

// Project is the id of the project whose log it opens.
func (h StreamHandle) Project() string { return h.project }

// CanWrite reports whether it also allows appending.
func (h StreamHandle) CanWrite() bool { return h.write }

// StreamReader opens a project's log for reading: for members, and for the relay,
// the engine and whoever runs commands. Others get NOT_FOUND.
func StreamReader(ctx context.Context, c *ent.Client, projectID string) (StreamHandle, error) {
	return openStream(ctx, c, projectID, enum.ProjectViewer, false)
}

// StreamWriter opens a project's log for appending: for editors, the engine, whoever runs
// commands, and what keeps apps' consoles.
func StreamWriter(ctx context.Context, c *ent.Client, projectID string) (StreamHandle, error) {
	return openStream(ctx, c, projectID, enum.ProjectEditor, true)
}

func openStream(ctx context.Context, c *ent.Client, projectID string, role enum.ProjectRole, write bool) (StreamHandle, error) {
	handle := StreamHandle{project: projectID, write: write}
	switch actorFrom(ctx) {
	case Engine, Commands, Console:
		return handle, nil
	case Relay:
		if !write {
			return handle, nil
		}
	}
	if v := ViewerFrom(ctx); v != nil {
		ok, err := hasRole(ctx, c, v, projectID, role)
		if err != nil {
			return StreamHandle{}, err
		}
		if ok {
			return handle, nil
		}
	}
	return StreamHandle{}, problem.Missing("projectId", "project")
}

// RequireRole refuses a viewer who has less than role in the project: NOT_FOUND
// when they are no member, FORBIDDEN when they are one with a lesser role.
func RequireRole(ctx context.Context, c *ent.Client, projectID string, role enum.ProjectRole) error {
	v, err := RequireViewer(ctx)
	if err != nil {
		return err
	}
	ok, err := hasRole(ctx, c, v, projectID, role)
	if err != nil || ok {
		return err
	}
	member, err := hasRole(ctx, c, v, projectID, enum.ProjectViewer)
	if err != nil {
		return err
	}
	if !member {
		return problem.Missing("projectId", "project")
	}
	return problem.New(problem.Forbidden, "this needs the role %s in the project", role)
}

// LogReader is a person who reads a project's log.
type LogReader struct{ ProjectID, UserID string }

// logReadersAtOnce is how many are asked about in one query.
const logReadersAtOnce = 200

// MayRead says which of some people may read the logs that they read, as StreamReader
// says it of each. It is for those who have shown that they may, and who are asked about
// time and again.
func MayRead(ctx context.Context, c *ent.Client, all []LogReader) (map[LogReader]bool, error) {
	allowed := make(map[LogReader]bool, len(all))
	for chunk := range slices.Chunk(all, logReadersAtOnce) {
		var wanted []entpredicate.Membership
		for _, r := range chunk {
			if relay.IDPrefix(r.ProjectID) != "" {
				wanted = append(wanted, membership.And(membership.ProjectID(r.ProjectID), membership.UserID(r.UserID)))
			}
		}
		if len(wanted) == 0 {
			continue
		}
		found, err := c.Membership.Query().
			Where(membership.RoleIn(enum.ProjectViewer.AtLeast()...), membership.Or(wanted...)).
			Select(membership.FieldProjectID, membership.FieldUserID).All(unchecked(ctx))
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			allowed[LogReader{m.ProjectID, m.UserID}] = true
		}
	}
	return allowed, nil
}
