package workspace

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/zeblit/zeblit/ent"
)

// Objects is a project's object store as go-git sees it.
func Objects(ctx context.Context, client *ent.Client, projectID string) storer.EncodedObjectStorer {
	return newObjects(ctx, client, newPackCache(), projectID)
}

// At is w at another time.
func At(w *Workspace, now time.Time) *Workspace {
	at := *w
	at.now = func() time.Time { return now }
	return &at
}

// Asking is w that asks for the time whenever it writes a commit down.
func Asking(w *Workspace, now func() time.Time) *Workspace {
	at := *w
	at.now = now
	return &at
}

// All has r look for projects to repack once.
func All(ctx context.Context, r *Repacker) error { return r.all(ctx) }
