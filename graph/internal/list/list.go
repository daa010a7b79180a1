// Package list names the pages of the API's lists. (The generator follows such
// names to a generic type only when both are below a folder named internal.)
package list

import (
	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/relay"
)

// The connections and edges of the API.
type (
	AgentConnection             = relay.Connection[*ent.Agent]
	AgentEdge                   = relay.Edge[*ent.Agent]
	ApiKeyConnection            = relay.Connection[*ent.ApiKey]
	ApiKeyEdge                  = relay.Edge[*ent.ApiKey]
	BranchConnection            = relay.Connection[*model.Branch]
	BranchEdge                  = relay.Edge[*model.Branch]
	BudgetConnection            = relay.Connection[*ent.Budget]
	BudgetEdge                  = relay.Edge[*ent.Budget]
	CommandConnection           = relay.Connection[*ent.Command]
	CommandEdge                 = relay.Edge[*ent.Command]
	CheckpointConnection        = relay.Connection[*ent.Checkpoint]
	CheckpointEdge              = relay.Edge[*ent.Checkpoint]
	CommitConnection            = relay.Connection[*model.Commit]
	CommitEdge                  = relay.Edge[*model.Commit]
	ConsoleEntryConnection      = relay.Connection[*ent.ConsoleEntry]
	ConsoleEntryEdge            = relay.Edge[*ent.ConsoleEntry]
	ConsoleErrorGroupConnection = relay.Connection[*console.Group]
	ConsoleErrorGroupEdge       = relay.Edge[*console.Group]
	ConversationConnection      = relay.Connection[*ent.Conversation]
	ConversationEdge            = relay.Edge[*ent.Conversation]
	FileConnection              = relay.Connection[*model.File]
	FileEdge                    = relay.Edge[*model.File]
	FileVersionConnection       = relay.Connection[*model.FileVersion]
	FileVersionEdge             = relay.Edge[*model.FileVersion]
	FindingConnection           = relay.Connection[*ent.Finding]
	FindingEdge                 = relay.Edge[*ent.Finding]
	MembershipConnection        = relay.Connection[*ent.Membership]
	MembershipEdge              = relay.Edge[*ent.Membership]
	MergeConnection             = relay.Connection[*ent.Merge]
	MergeEdge                   = relay.Edge[*ent.Merge]
	MessageConnection           = relay.Connection[*ent.Message]
	MessageEdge                 = relay.Edge[*ent.Message]
	ModelConnection             = relay.Connection[*model.Model]
	ModelEdge                   = relay.Edge[*model.Model]
	OrganisationConnection      = relay.Connection[*ent.Organisation]
	OrganisationEdge            = relay.Edge[*ent.Organisation]
	ApprovalConnection          = relay.Connection[*ent.Approval]
	ApprovalEdge                = relay.Edge[*ent.Approval]
	PermissionRuleConnection    = relay.Connection[*ent.PermissionRule]
	PermissionRuleEdge          = relay.Edge[*ent.PermissionRule]
	PlanConnection              = relay.Connection[*ent.Plan]
	PlanEdge                    = relay.Edge[*ent.Plan]
	ProjectConnection           = relay.Connection[*ent.Project]
	ProjectEdge                 = relay.Edge[*ent.Project]
	ProviderKeyConnection       = relay.Connection[*ent.ProviderKey]
	ProviderKeyEdge             = relay.Edge[*ent.ProviderKey]
	QuestionConnection          = relay.Connection[*ent.Question]
	QuestionEdge                = relay.Edge[*ent.Question]
	RunConnection               = relay.Connection[*ent.Run]
	RunEdge                     = relay.Edge[*ent.Run]
	TaskConnection              = relay.Connection[*ent.Task]
	TaskEdge                    = relay.Edge[*ent.Task]
	ToolCallConnection          = relay.Connection[*ent.ToolCall]
	ToolCallEdge                = relay.Edge[*ent.ToolCall]
	UsageRecordConnection       = relay.Connection[*ent.UsageRecord]
	UsageRecordEdge             = relay.Edge[*ent.UsageRecord]
)
