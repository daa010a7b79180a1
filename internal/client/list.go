package client

import (
	"context"
	"iter"
)

// page is what every list's query calls its connection.
type page[T any] struct {
	Nodes    []T
	PageInfo struct {
		HasNextPage bool
		EndCursor   string
	}
}

// pages walks a list from its start, a page at a time; the walk ends at an error,
// which comes with the zero value.
func pages[T any](read func(after any) (page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := any(nil); ; {
			p, err := read(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, node := range p.Nodes {
				if !yield(node, nil) {
					return
				}
			}
			if !p.PageInfo.HasNextPage {
				return
			}
			after = p.PageInfo.EndCursor
		}
	}
}

// list walks a list at the API's root.
func list[T any](ctx context.Context, c *Client, query string, variables map[string]any) iter.Seq2[T, error] {
	return pages(func(after any) (page[T], error) {
		var out struct{ Page page[T] }
		err := c.doSafely(ctx, query, with(variables, "after", after), &out)
		return out.Page, err
	})
}

// listInProject walks a list of a project.
func listInProject[T any](ctx context.Context, c *Client, query string, variables map[string]any) iter.Seq2[T, error] {
	return pages(func(after any) (page[T], error) {
		var out struct{ Project struct{ Page page[T] } }
		err := c.doSafely(ctx, query, with(variables, "after", after), &out)
		return out.Project.Page, err
	})
}

func with(variables map[string]any, name string, value any) map[string]any {
	all := map[string]any{name: value}
	for k, v := range variables {
		all[k] = v
	}
	return all
}

// Agent is a member of the crew.
type Agent struct {
	ID          string `json:"id"`
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Agents are those that the viewer may ask.
func (c *Client) Agents(ctx context.Context) iter.Seq2[Agent, error] {
	return list[Agent](ctx, c, agentsQuery, nil)
}

// Model is a language model.
type Model struct {
	Name       string `json:"name"`
	Provider   string `json:"provider"`
	Configured bool   `json:"configured"`
	Demo       bool   `json:"demo"`
}

// Models are those that the viewer may ask for.
func (c *Client) Models(ctx context.Context) iter.Seq2[Model, error] {
	return list[Model](ctx, c, modelsQuery, nil)
}
