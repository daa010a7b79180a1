package workspace

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/zeblit/zeblit/ent"
)

// Objects is a project's object store as go-git sees it.
func Objects(ctx context.Context, client *ent.Client, projectID string) storer.EncodedObjectStorer {
	return newObjects(ctx, client, projectID)
}
