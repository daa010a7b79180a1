package graph

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/problem"
)

// artefact is the text of a project's file; nil where it is not there. One that is no text
// reads as an empty text, which no artefact is.
func (r *Resolver) artefact(ctx context.Context, p *ent.Project, path string, ref *string) (*string, error) {
	f, err := r.Workspace.Look(ctx, p.ID, path, deref(ref))
	switch wrong := problem.As(err); {
	case wrong != nil && wrong.Code == problem.NotFound && wrong.Field == "path":
		return nil, nil
	case err != nil:
		return nil, err
	case f.Text == nil:
		return new(string), nil
	}
	return f.Text, nil
}
