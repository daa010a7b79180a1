package graph

import (
	"github.com/zeblit/zeblit/graph/generated"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/relay"
)

// weigh makes a list cost its largest possible page: what is asked of each
// object, as many times as there may be objects.
func weigh(c *generated.ComplexityRoot) {
	page := func(child int, first *int, _ *string, last *int, _ *string) int { return times(child, first, last) }
	c.Conversation.Messages = page
	c.Conversation.Runs = page
	c.Message.ToolCalls = page
	c.Project.Conversations = page
	c.Project.Members = page
	c.Project.Messages = page
	c.Project.Runs = page
	c.Query.Agents = page
	c.Run.ToolCalls = page
	c.User.APIKeys = page
	c.User.Organisations = page
	c.Project.Commits = func(child int, _ *string, first *int, _ *string) int { return times(child, first, nil) }
	c.Project.Files = func(child int, _, _ *string, first *int, _ *string) int { return times(child, first, nil) }
	c.Query.Models = func(child int, first *int, _ *string, last *int, _ *string, _ *bool) int {
		return times(child, first, last)
	}
	c.Query.Nodes = func(child int, ids []string) int { return 1 + child*min(len(ids), relay.MaxPage) }
	c.Query.Projects = func(child int, first *int, _ *string, last *int, _ *string, _ *model.ProjectOrder, _ *model.ProjectFilter) int {
		return times(child, first, last)
	}
}

func times(child int, first, last *int) int {
	n := relay.DefaultPage
	switch {
	case first != nil:
		n = *first
	case last != nil:
		n = *last
	}
	return 1 + child*max(0, min(n, relay.MaxPage))
}
