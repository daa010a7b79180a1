// Package list names the pages of the API's lists. (The generator follows such
// names to a generic type only when both are below a folder named internal.)
package list

import (
	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/relay"
)

// The connections and edges of the API.
type (
	AgentConnection        = relay.Connection[*ent.Agent]
	AgentEdge              = relay.Edge[*ent.Agent]
	ApiKeyConnection       = relay.Connection[*ent.ApiKey]
	ApiKeyEdge             = relay.Edge[*ent.ApiKey]
	BudgetConnection       = relay.Connection[*ent.Budget]
	BudgetEdge             = relay.Edge[*ent.Budget]
	CommitConnection       = relay.Connection[*model.Commit]
	CommitEdge             = relay.Edge[*model.Commit]
	ConversationConnection = relay.Connection[*ent.Conversation]
	ConversationEdge       = relay.Edge[*ent.Conversation]
	FileConnection         = relay.Connection[*model.File]
	FileEdge               = relay.Edge[*model.File]
	MembershipConnection   = relay.Connection[*ent.Membership]
	MembershipEdge         = relay.Edge[*ent.Membership]
	MessageConnection      = relay.Connection[*ent.Message]
	MessageEdge            = relay.Edge[*ent.Message]
	ModelConnection        = relay.Connection[*model.Model]
	ModelEdge              = relay.Edge[*model.Model]
	OrganisationConnection = relay.Connection[*ent.Organisation]
	OrganisationEdge       = relay.Edge[*ent.Organisation]
	ProjectConnection      = relay.Connection[*ent.Project]
	ProjectEdge            = relay.Edge[*ent.Project]
	ProviderKeyConnection  = relay.Connection[*ent.ProviderKey]
	ProviderKeyEdge        = relay.Edge[*ent.ProviderKey]
	RunConnection          = relay.Connection[*ent.Run]
	RunEdge                = relay.Edge[*ent.Run]
	ToolCallConnection     = relay.Connection[*ent.ToolCall]
	ToolCallEdge           = relay.Edge[*ent.ToolCall]
	UsageRecordConnection  = relay.Connection[*ent.UsageRecord]
	UsageRecordEdge        = relay.Edge[*ent.UsageRecord]
)
