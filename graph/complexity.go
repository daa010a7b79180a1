package graph

import (
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/generated"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/relay"
)

// manyRows is what a report is taken for, of which most have fewer rows.
var manyRows = relay.MaxPage

// weigh makes a list cost its largest possible page: what is asked of each
// object, as many times as there may be objects.
func weigh(c *generated.ComplexityRoot) {
	page := func(child int, first *int, _ *string, last *int, _ *string) int { return times(child, first, last) }
	series := func(child int, _, _ *time.Time, _ enum.UsageGrouping, _ *enum.UsageInterval) int {
		return times(child, nil, &manyRows)
	}
	c.Conversation.Messages = page
	c.Conversation.Runs = page
	c.Message.ToolCalls = page
	c.Organisation.Budgets = page
	c.Organisation.ProviderKeys = page
	c.Organisation.Usage = series
	c.Project.Budgets = page
	c.Project.Conversations = page
	c.Project.Members = page
	c.Project.Messages = page
	c.Project.ProviderKeys = page
	c.Project.Runs = page
	c.Project.Usage = series
	c.Query.Agents = page
	c.Query.Budgets = page
	c.Run.ToolCalls = page
	c.Run.UsageRecords = page
	c.User.APIKeys = page
	c.User.Budgets = page
	c.User.Organisations = page
	c.User.Usage = series
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
