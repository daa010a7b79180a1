package client

import (
	"context"
	"iter"
)

// File is a file of a project. Text is set by Text only, and null where the file is
// binary.
type File struct {
	Path     string  `json:"path"`
	Size     int64   `json:"size"`
	IsBinary bool    `json:"isBinary"`
	Revision string  `json:"revision"`
	Text     *string `json:"text,omitempty"`
}

// Files are those of a project in the order of their paths, on the main branch where
// ref is empty.
func (c *Client) Files(ctx context.Context, projectID, ref string) iter.Seq2[File, error] {
	return listInProject[File](ctx, c, filesQuery, at(ref, map[string]any{"project": projectID}))
}

// File reads what is known of one file; NOT_FOUND when the project has no such file.
func (c *Client) File(ctx context.Context, projectID, path string) (File, error) {
	return c.file(ctx, fileQuery, map[string]any{"project": projectID, "path": path})
}

// Text reads a file with its text, as File does.
func (c *Client) Text(ctx context.Context, projectID, path, ref string) (File, error) {
	return c.file(ctx, textQuery, at(ref, map[string]any{"project": projectID, "path": path}))
}

func (c *Client) file(ctx context.Context, query string, variables map[string]any) (File, error) {
	var out struct{ Project struct{ File File } }
	err := c.doSafely(ctx, query, variables, &out)
	return out.Project.File, err
}

// Head is the hash of a project's latest commit: "" where there is none.
func (c *Client) Head(ctx context.Context, projectID string) (string, error) {
	var out struct {
		Project struct {
			Commits struct{ Nodes []struct{ Hash string } }
		}
	}
	err := c.doSafely(ctx, headQuery, map[string]any{"project": projectID}, &out)
	if err != nil || len(out.Project.Commits.Nodes) == 0 {
		return "", err
	}
	return out.Project.Commits.Nodes[0].Hash, nil
}

func at(ref string, variables map[string]any) map[string]any {
	if ref == "" {
		return variables
	}
	return with(variables, "ref", ref)
}
