package client

import (
	"context"
	"fmt"
	"strings"
)

// Project is what a client needs of one. Head is the cursor of its latest event when
// it was read.
type Project struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Head string `json:"headCursor"`
}

// Run is an agent's work on one message.
type Run struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error"`
}

// Ended reports whether the run will change no more.
func (r Run) Ended() bool {
	return r.State == "SUCCEEDED" || r.State == "FAILED" || r.State == "CANCELLED"
}

// File is a file of a project, without its text.
type File struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// CreateProject makes a project, once, also when the connection breaks on the way.
func (c *Client) CreateProject(ctx context.Context, name string) (Project, error) {
	var out struct {
		CreateProject struct{ Project Project }
	}
	input := map[string]any{"name": name, "idempotencyKey": newKey()}
	err := c.doSafely(ctx, createProjectMutation, map[string]any{"input": input}, &out)
	return out.CreateProject.Project, err
}

// Project finds a project by its id or its name. A name that several have is an error
// that lists their ids.
func (c *Client) Project(ctx context.Context, idOrName string) (Project, error) {
	if strings.HasPrefix(idOrName, "prj_") {
		var out struct{ Project Project }
		err := c.doSafely(ctx, projectQuery, map[string]any{"id": idOrName}, &out)
		return out.Project, err
	}
	var found []Project
	for after := any(nil); ; {
		var out struct {
			Projects struct {
				Edges    []struct{ Node Project }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		if err := c.doSafely(ctx, projectsQuery, map[string]any{"after": after}, &out); err != nil {
			return Project{}, err
		}
		for _, edge := range out.Projects.Edges {
			if strings.EqualFold(edge.Node.Name, idOrName) {
				found = append(found, edge.Node)
			}
		}
		if !out.Projects.PageInfo.HasNextPage {
			break
		}
		after = out.Projects.PageInfo.EndCursor
	}
	switch len(found) {
	case 0:
		return Project{}, fmt.Errorf("there is no project named %q", idOrName)
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	return Project{}, fmt.Errorf("%d projects are named %q: choose one of %s", len(found), idOrName, strings.Join(ids, ", "))
}

// Send sends a message, once, and returns the run that it started: nil when it
// started none.
func (c *Client) Send(ctx context.Context, projectID, text string) (*Run, error) {
	var out struct {
		SendMessage struct{ Run *Run }
	}
	input := map[string]any{"projectId": projectID, "text": text, "idempotencyKey": newKey()}
	err := c.doSafely(ctx, sendMessageMutation, map[string]any{"input": input}, &out)
	return out.SendMessage.Run, err
}

// Run reads where a run stands.
func (c *Client) Run(ctx context.Context, id string) (Run, error) {
	var out struct{ Run Run }
	err := c.doSafely(ctx, runQuery, map[string]any{"id": id}, &out)
	return out.Run, err
}

// File reads one file's size; NOT_FOUND when the project has no such file.
func (c *Client) File(ctx context.Context, projectID, path string) (File, error) {
	var out struct{ Project struct{ File *File } }
	if err := c.doSafely(ctx, fileQuery, map[string]any{"project": projectID, "path": path}, &out); err != nil {
		return File{}, err
	}
	if out.Project.File == nil {
		return File{}, fmt.Errorf("%s is not in the project", path)
	}
	return *out.Project.File, nil
}
