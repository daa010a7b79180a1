// Package graph is the API: the schema in schema/*.graphql, and beside it a file
// of resolvers for each of its parts. A resolver reads its arguments, calls one
// function and returns. What is read goes to ent, with the viewer's rights, one
// page at a time or batched by the loaders; what is changed goes to a function
// of the domain.
package graph

import (
	"context"
	"log/slog"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/approvallink"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/filelink"
	"github.com/zeblit/zeblit/internal/finding"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/plan"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/providerkey"
	"github.com/zeblit/zeblit/internal/question"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
	"github.com/zeblit/zeblit/internal/workspace"
)

//go:generate go run github.com/99designs/gqlgen generate
//go:generate go run ./compose ../schema.graphql

// Conversations sends messages, and keeps the conversations.
type Conversations interface {
	Send(context.Context, conversation.SendInput) (*ent.Message, *ent.Run, error)
	Edit(context.Context, conversation.EditInput) (*conversation.Edited, error)
	Rename(ctx context.Context, id, title string) (*ent.Conversation, error)
	Delete(ctx context.Context, id string) (projectID string, err error)
	Fork(context.Context, conversation.ForkInput) (*ent.Conversation, error)
}

// Runs cancels, pauses, resumes and retries runs.
type Runs interface {
	permission.Waiting
	Cancel(ctx context.Context, runID string) (*ent.Run, error)
	Pause(ctx context.Context, runID string) (*ent.Run, error)
	Resume(ctx context.Context, runID string) (*ent.Run, error)
	Retry(ctx context.Context, in run.RetryInput) (*ent.Run, error)
}

// Deps are the parts that the API works with. All are needed.
type Deps struct {
	DB            *store.DB
	Identity      *identity.Service
	Projects      *project.Service
	Conversations Conversations
	Runs          Runs
	Budgets       *usage.Budgets
	ProviderKeys  *providerkey.Service
	Console       *console.Service
	Commands      *command.Service
	Previews      *preview.Service
	Workspace     *workspace.Workspace
	Merges        *merge.Service
	Questions     *question.Service
	Plans         *plan.Service
	Checkpoints   *checkpoint.Service
	Permissions   *permission.Service
	Findings      *finding.Service
	FileLinks     *filelink.Links
	ApprovalLinks *approvallink.Links
	Models        Models
	Log           *stream.Log
	Hub           *stream.Hub
	Logger        *slog.Logger

	Version string
	Demo    bool // whether agents work with the offline demo model

	// PublicURL is where people reach the server: the start of every link.
	PublicURL func() string
}

// Resolver is the root of the resolvers.
type Resolver struct{ Deps }

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
