package graph

import (
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/generated"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/plan"
	"github.com/zeblit/zeblit/internal/relay"
)

// manyRows is what a report is taken for, of which most have fewer rows.
var manyRows = relay.MaxPage

// textWeight is what a file's text of up to 1 MiB costs: a page of 100 may be asked for,
// and not two.
const textWeight = 500

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
	c.Organisation.PermissionRules = page
	c.Organisation.ProviderKeys = page
	c.Organisation.Usage = series
	approvals := func(child int, first *int, _ *string, last *int, _ *string, _ []enum.ApprovalState) int {
		return times(child, first, last)
	}
	questions := func(child int, first *int, _ *string, last *int, _ *string, _ *model.QuestionFilter) int {
		return times(child, first, last)
	}
	c.Project.Approvals = approvals
	c.Project.Budgets = page
	c.Project.Conversations = func(child int, first *int, _ *string, last *int, _ *string, _ []enum.ConversationKind) int {
		return times(child, first, last)
	}
	c.Project.Checkpoints = page
	c.Project.Members = page
	c.Project.Merges = page
	c.Project.Messages = page
	c.Project.PermissionRules = page
	c.Project.Plans = page
	c.Project.ProviderKeys = page
	c.Project.Questions = questions
	c.Project.Runs = page
	c.Project.Usage = series
	c.Query.Agents = page
	c.Query.Budgets = page
	c.Run.Approvals = page
	c.Run.Checkpoints = page
	c.Run.Children = page
	c.Run.Questions = page
	c.Run.ToolCalls = page
	c.Run.UsageRecords = page
	c.User.APIKeys = page
	c.User.Approvals = approvals
	c.User.Questions = questions
	c.User.Budgets = page
	c.User.Organisations = page
	c.User.Usage = series
	c.Project.Branches = func(child int, first *int, _ *string) int { return times(child, first, nil) }
	c.Project.Commits = func(child int, _ *string, first *int, _ *string) int { return times(child, first, nil) }
	c.Project.Console = func(child int, _ []enum.ConsoleLevel, _ *string, _ *time.Time, _, _ *string, first *int, _ *string, last *int, _ *string) int {
		return times(child, first, last)
	}
	c.Project.ConsoleErrors = func(child int, _ *string, _ *time.Time, first *int, _ *string) int { return times(child, first, nil) }
	c.Project.Files = func(child int, _, _ *string, first *int, _ *string) int { return times(child, first, nil) }
	c.Project.Commands = func(child int, first *int, _ *string, last *int, _ *string, _ []enum.CommandState) int {
		return times(child, first, last)
	}
	c.Project.Tasks = func(child int, first *int, _ *string, last *int, _ *string, _ []enum.TaskState) int {
		return times(child, first, last)
	}
	c.Query.Models = func(child int, first *int, _ *string, last *int, _ *string, _ *bool) int {
		return times(child, first, last)
	}
	c.Project.Findings = func(child int, first *int, _ *string, last *int, _ *string, _ *model.FindingFilter) int {
		return times(child, first, last)
	}
	c.Project.FileHistory = func(child int, _ string, _ *string, first *int, _ *string) int { return times(child, first, nil) }
	c.Project.FileTree = func(child int, _, _ *string, _ *int) int { return times(child, nil, &manyRows) }
	c.Project.Blame = func(child int, _ string, _ *string) int { return times(child, nil, &manyRows) }
	c.Query.SearchFiles = func(child int, _ string, _ model.FileSearch, first *int, _ *string) int {
		return times(child, first, nil)
	}
	c.Query.Diff = func(child int, _ string, _, _, _ *string) int { return times(child, nil, &manyRows) }
	c.Query.Nodes = func(child int, ids []string) int { return 1 + child*min(len(ids), relay.MaxPage) }
	c.Query.Projects = func(child int, first *int, _ *string, last *int, _ *string, _ *model.ProjectOrder, _ *model.ProjectFilter) int {
		return times(child, first, last)
	}
	c.File.Text = func(child int) int { return textWeight + child }
	weighPlain(c)
}

// weighPlain weighs the lists that have no pages by what bounds them. Of those that lead
// back to themselves, as tasks do, it has to be all that there may be.
func weighPlain(c *generated.ComplexityRoot) {
	c.Plan.Tasks = list(plan.MaxTasks)
	c.Task.Criteria = list(plan.MaxCriteria)
	c.Task.Dependencies = list(plan.MaxTasks)
	few, many := list(relay.DefaultPage), list(manyRows)
	c.Evidence.Files = few
	c.Project.Crew = few
	c.Query.Templates = few
	c.MergeConflict.Hunks = few
	c.SecurityReport.Checks = few
	c.SecurityReport.Counts = few
	c.SecurityReport.NotAssessed = many
	c.Merge.Conflicts = many
	c.ConsoleOutput.Entries = many
	c.RestoreCheckpointPayload.Files = many
	c.Decisions.Nodes = many
	c.UserStories.Nodes = many
}

// list weighs a list of at most n objects.
func list(n int) func(child int) int { return func(child int) int { return 1 + child*n } }

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
