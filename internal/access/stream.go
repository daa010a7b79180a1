package access

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
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

// StreamReader opens a project's log for reading: for members, and for the relay
// and the engine. Others get NOT_FOUND.
func StreamReader(ctx context.Context, c *ent.Client, projectID string) (StreamHandle, error) {
	return openStream(ctx, c, projectID, enum.ProjectViewer, false)
}

// StreamWriter opens a project's log for appending: for editors and the engine.
func StreamWriter(ctx context.Context, c *ent.Client, projectID string) (StreamHandle, error) {
	return openStream(ctx, c, projectID, enum.ProjectEditor, true)
}

func openStream(ctx context.Context, c *ent.Client, projectID string, role enum.ProjectRole, write bool) (StreamHandle, error) {
	handle := StreamHandle{project: projectID, write: write}
	switch actorFrom(ctx) {
	case Engine:
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
