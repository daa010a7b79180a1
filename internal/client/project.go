package client

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Project is one as it was when it was read. Head is the cursor of its latest event
// then.
type Project struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	Head        string    `json:"headCursor"`
}

// NoProjectError says that no project has a name.
type NoProjectError struct{ Name string }

func (e *NoProjectError) Error() string { return fmt.Sprintf("there is no project named %q", e.Name) }

// CreateProject makes a project, once, also when the connection breaks on the way.
func (c *Client) CreateProject(ctx context.Context, name string) (Project, error) {
	return c.CreateProjectFrom(ctx, name, "")
}

// CreateProjectFrom is CreateProject with the files of a template; none where that is
// empty.
func (c *Client) CreateProjectFrom(ctx context.Context, name, template string) (Project, error) {
	var out struct {
		CreateProject struct{ Project Project }
	}
	input := map[string]any{"name": name, "idempotencyKey": newKey()}
	if template != "" {
		input["template"] = template
	}
	err := c.doSafely(ctx, createProjectMutation, map[string]any{"input": input}, &out)
	return out.CreateProject.Project, err
}

// DeleteProject deletes a project with everything in it.
func (c *Client) DeleteProject(ctx context.Context, id string) error {
	var out struct{}
	return c.Do(ctx, deleteProjectMutation, object("projectId", id), &out)
}

// Projects are those of the viewer, newest first.
func (c *Client) Projects(ctx context.Context) iter.Seq2[Project, error] {
	return list[Project](ctx, c, projectsQuery, nil)
}

// Project finds a project by its id, else the latest one of that name; failing that
// the latest whose name differs in case only. A *NoProjectError where none has the name.
func (c *Client) Project(ctx context.Context, idOrName string) (Project, error) {
	if IsProjectID(idOrName) {
		var out struct{ Project Project }
		err := c.doSafely(ctx, projectQuery, map[string]any{"id": idOrName}, &out)
		return out.Project, err
	}
	name := strings.TrimSpace(idOrName)
	var similar Project
	where := map[string]any{"where": map[string]any{"nameContains": name}}
	for p, err := range list[Project](ctx, c, projectsQuery, where) {
		switch {
		case err != nil:
			return Project{}, err
		case p.Name == name:
			return p, nil
		case similar.ID == "" && strings.EqualFold(p.Name, name):
			similar = p
		}
	}
	if similar.ID == "" {
		return Project{}, &NoProjectError{name}
	}
	return similar, nil
}

// IsProjectID reports whether s has the form of a project's id, so that it names none.
func IsProjectID(s string) bool {
	rest, ok := strings.CutPrefix(s, "prj_")
	return ok && len(rest) == 26 && !strings.ContainsFunc(rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}
