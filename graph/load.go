package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/ent/apikey"
	"github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/budget"
	"github.com/zeblit/zeblit/ent/checkpoint"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/consoleentry"
	"github.com/zeblit/zeblit/ent/conversation"
	"github.com/zeblit/zeblit/ent/criterion"
	"github.com/zeblit/zeblit/ent/finding"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/ent/merge"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/organisation"
	"github.com/zeblit/zeblit/ent/permissionrule"
	"github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/ent/providerkey"
	"github.com/zeblit/zeblit/ent/question"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/sandbox"
	entstream "github.com/zeblit/zeblit/ent/stream"
	"github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/usage"
)

// loaders batch the reads of one response.
type loaders struct {
	agents          *relay.Loader[*ent.Agent]
	budgets         *relay.Loader[*ent.Budget]
	commands        *relay.Loader[*ent.Command]
	consoleLines    *relay.Loader[*ent.ConsoleEntry]
	keys            *relay.Loader[*ent.ApiKey]
	checkpoints     *relay.Loader[*ent.Checkpoint]
	conversations   *relay.Loader[*ent.Conversation]
	memberships     *relay.Loader[*ent.Membership]
	merges          *relay.Loader[*ent.Merge]
	messages        *relay.Loader[*ent.Message]
	organisations   *relay.Loader[*ent.Organisation]
	projects        *relay.Loader[*ent.Project]
	providerKeys    *relay.Loader[*ent.ProviderKey]
	questions       *relay.Loader[*ent.Question]
	runs            *relay.Loader[*ent.Run]
	spendings       *relay.Loader[*ent.Spending] // by the budget's id
	heads           *relay.Loader[*ent.Stream]   // by the project's id
	sandboxes       *relay.Loader[*ent.Sandbox]
	toolCalls       *relay.Loader[*ent.ToolCall]
	usage           *relay.Loader[runUsage] // by the run's id
	usageRecords    *relay.Loader[*ent.UsageRecord]
	users           *relay.Loader[*ent.User]
	approvals       *relay.Loader[*ent.Approval]
	permissionRules *relay.Loader[*ent.PermissionRule]
	findings        *relay.Loader[*ent.Finding]
	plans           *relay.Loader[*ent.Plan]
	criteria        *relay.Loader[*ent.Criterion]
	tasks           *relay.Loader[*ent.Task]
}

func newLoaders(c *ent.Client) *loaders {
	return &loaders{
		agents: relay.NewLoader(agentID, func(ctx context.Context, ids []string) ([]*ent.Agent, error) {
			return c.Agent.Query().Where(agent.IDIn(ids...)).All(ctx)
		}),
		approvals: relay.NewLoader(approvalID, func(ctx context.Context, ids []string) ([]*ent.Approval, error) {
			return c.Approval.Query().Where(approval.IDIn(ids...)).All(ctx)
		}),
		permissionRules: relay.NewLoader(permissionRuleID, func(ctx context.Context, ids []string) ([]*ent.PermissionRule, error) {
			return c.PermissionRule.Query().Where(permissionrule.IDIn(ids...)).All(ctx)
		}),
		budgets: relay.NewLoader(budgetID, func(ctx context.Context, ids []string) ([]*ent.Budget, error) {
			return c.Budget.Query().Where(budget.IDIn(ids...)).All(ctx)
		}),
		commands: relay.NewLoader(commandID, func(ctx context.Context, ids []string) ([]*ent.Command, error) {
			return c.Command.Query().Where(command.IDIn(ids...)).All(ctx)
		}),
		sandboxes: relay.NewLoader(sandboxID, func(ctx context.Context, ids []string) ([]*ent.Sandbox, error) {
			return c.Sandbox.Query().Where(sandbox.IDIn(ids...)).All(ctx)
		}),
		consoleLines: relay.NewLoader(consoleEntryID, func(ctx context.Context, ids []string) ([]*ent.ConsoleEntry, error) {
			return c.ConsoleEntry.Query().Where(consoleentry.IDIn(ids...)).All(ctx)
		}),
		keys: relay.NewLoader(keyID, func(ctx context.Context, ids []string) ([]*ent.ApiKey, error) {
			return c.ApiKey.Query().Where(apikey.IDIn(ids...)).All(ctx)
		}),
		checkpoints: relay.NewLoader(checkpointID, func(ctx context.Context, ids []string) ([]*ent.Checkpoint, error) {
			return c.Checkpoint.Query().Where(checkpoint.IDIn(ids...)).All(ctx)
		}),
		conversations: relay.NewLoader(conversationID, func(ctx context.Context, ids []string) ([]*ent.Conversation, error) {
			return c.Conversation.Query().Where(conversation.IDIn(ids...)).All(ctx)
		}),
		findings: relay.NewLoader(findingID, func(ctx context.Context, ids []string) ([]*ent.Finding, error) {
			return c.Finding.Query().Where(finding.IDIn(ids...)).All(ctx)
		}),
		memberships: relay.NewLoader(membershipID, func(ctx context.Context, ids []string) ([]*ent.Membership, error) {
			return c.Membership.Query().Where(membership.IDIn(ids...)).All(ctx)
		}),
		merges: relay.NewLoader(mergeID, func(ctx context.Context, ids []string) ([]*ent.Merge, error) {
			return c.Merge.Query().Where(merge.IDIn(ids...)).All(ctx)
		}),
		criteria: relay.NewLoader(criterionID, func(ctx context.Context, ids []string) ([]*ent.Criterion, error) {
			return c.Criterion.Query().Where(criterion.IDIn(ids...)).All(ctx)
		}),
		plans: relay.NewLoader(planID, func(ctx context.Context, ids []string) ([]*ent.Plan, error) {
			return c.Plan.Query().Where(plan.IDIn(ids...)).All(ctx)
		}),
		tasks: relay.NewLoader(taskID, func(ctx context.Context, ids []string) ([]*ent.Task, error) {
			return c.Task.Query().Where(task.IDIn(ids...)).All(ctx)
		}),
		messages: relay.NewLoader(messageID, func(ctx context.Context, ids []string) ([]*ent.Message, error) {
			return c.Message.Query().Where(message.IDIn(ids...)).All(ctx)
		}),
		organisations: relay.NewLoader(organisationID, func(ctx context.Context, ids []string) ([]*ent.Organisation, error) {
			return c.Organisation.Query().Where(organisation.IDIn(ids...)).All(ctx)
		}),
		projects: relay.NewLoader(projectID, func(ctx context.Context, ids []string) ([]*ent.Project, error) {
			return withHead(c.Project.Query().Where(project.IDIn(ids...))).All(ctx)
		}),
		providerKeys: relay.NewLoader(providerKeyID, func(ctx context.Context, ids []string) ([]*ent.ProviderKey, error) {
			return c.ProviderKey.Query().Where(providerkey.IDIn(ids...)).All(ctx)
		}),
		questions: relay.NewLoader(questionID, func(ctx context.Context, ids []string) ([]*ent.Question, error) {
			return c.Question.Query().Where(question.IDIn(ids...)).All(ctx)
		}),
		runs: relay.NewLoader(runID, func(ctx context.Context, ids []string) ([]*ent.Run, error) {
			return c.Run.Query().Where(run.IDIn(ids...)).All(ctx)
		}),
		spendings: relay.NewLoader(spendingID, func(ctx context.Context, ids []string) ([]*ent.Spending, error) {
			budgets, err := c.Budget.Query().Where(budget.IDIn(ids...)).All(ctx)
			if err != nil {
				return nil, err
			}
			found, err := usage.SpendingsOf(ctx, c, budgets, store.Now())
			return slices.Collect(maps.Values(found)), err
		}),
		heads: relay.NewLoader(streamID, func(ctx context.Context, ids []string) ([]*ent.Stream, error) {
			return c.Stream.Query().Where(entstream.IDIn(ids...)).All(ctx)
		}),
		toolCalls: relay.NewLoader(toolCallID, func(ctx context.Context, ids []string) ([]*ent.ToolCall, error) {
			return c.ToolCall.Query().Where(toolcall.IDIn(ids...)).All(ctx)
		}),
		usage: relay.NewLoader(runUsageID, func(ctx context.Context, ids []string) (all []runUsage, err error) {
			found, err := usage.ByRun(ctx, c, ids...)
			for id, totals := range found {
				all = append(all, runUsage{id, totals})
			}
			return all, err
		}),
		usageRecords: relay.NewLoader(usageRecordID, func(ctx context.Context, ids []string) ([]*ent.UsageRecord, error) {
			return c.UsageRecord.Query().Where(usagerecord.IDIn(ids...)).All(ctx)
		}),
		users: relay.NewLoader(userID, func(ctx context.Context, ids []string) ([]*ent.User, error) {
			return c.User.Query().Where(user.IDIn(ids...)).All(ctx)
		}),
	}
}

func agentID(v *ent.Agent) string                   { return v.ID }
func budgetID(v *ent.Budget) string                 { return v.ID }
func keyID(v *ent.ApiKey) string                    { return v.ID }
func consoleEntryID(v *ent.ConsoleEntry) string     { return v.ID }
func checkpointID(v *ent.Checkpoint) string         { return v.ID }
func conversationID(v *ent.Conversation) string     { return v.ID }
func membershipID(v *ent.Membership) string         { return v.ID }
func mergeID(v *ent.Merge) string                   { return v.ID }
func messageID(v *ent.Message) string               { return v.ID }
func organisationID(v *ent.Organisation) string     { return v.ID }
func projectID(v *ent.Project) string               { return v.ID }
func providerKeyID(v *ent.ProviderKey) string       { return v.ID }
func questionID(v *ent.Question) string             { return v.ID }
func runID(v *ent.Run) string                       { return v.ID }
func spendingID(v *ent.Spending) string             { return v.BudgetID }
func streamID(v *ent.Stream) string                 { return v.ID }
func commandID(v *ent.Command) string               { return v.ID }
func sandboxID(v *ent.Sandbox) string               { return v.ID }
func toolCallID(v *ent.ToolCall) string             { return v.ID }
func usageRecordID(v *ent.UsageRecord) string       { return v.ID }
func userID(v *ent.User) string                     { return v.ID }
func approvalID(v *ent.Approval) string             { return v.ID }
func permissionRuleID(v *ent.PermissionRule) string { return v.ID }
func findingID(v *ent.Finding) string               { return v.ID }
func criterionID(v *ent.Criterion) string           { return v.ID }
func planID(v *ent.Plan) string                     { return v.ID }
func taskID(v *ent.Task) string                     { return v.ID }

const headColumn = "head"

// withHead reads the head of the project's stream in the same statement as the
// project, and so before everything else of it.
func withHead(q *ent.ProjectQuery) *ent.ProjectQuery {
	q.Modify(func(s *sql.Selector) {
		head := sql.Dialect(s.Dialect()).Table(entstream.Table).As("its_stream")
		s.AppendSelectExprAs(sql.Raw(fmt.Sprintf("(SELECT %s FROM %s AS %s WHERE %s = %s)",
			head.C(entstream.FieldHead), entstream.Table, "its_stream", head.C(entstream.FieldID), s.C(project.FieldID))), headColumn)
	})
	return q
}

type loadersKey struct{}

// response keeps the loaders of one response. They are made for the first who needs
// one: many events are told without.
type response struct {
	ent     *ent.Client
	loaders atomic.Pointer[loaders]
}

// withLoaders gives ctx loaders of its own.
func withLoaders(ctx context.Context, d Deps) context.Context {
	return context.WithValue(ctx, loadersKey{}, &response{ent: d.DB.Ent})
}

func load(ctx context.Context) *loaders {
	r := ctx.Value(loadersKey{}).(*response)
	if r.loaders.Load() == nil {
		r.loaders.CompareAndSwap(nil, newLoaders(r.ent)) // or another field was first
	}
	return r.loaders.Load()
}

// forget makes what follows in this response read anew: a mutation is done.
func (r *Resolver) forget(ctx context.Context) {
	ctx.Value(loadersKey{}).(*response).loaders.Store(newLoaders(r.DB.Ent))
}

// the returns an object that must be there.
func the[T any](ctx context.Context, l *relay.Loader[T], id string) (T, error) {
	node, found, err := l.Load(ctx, id)
	if err == nil && !found {
		err = problem.Missing("", "object")
	}
	return node, err
}

// maybe returns an object that may be absent, or not for this viewer's eyes; then it is nil.
func maybe[T any](ctx context.Context, l *relay.Loader[*T], id *string) (*T, error) {
	if id == nil || *id == "" {
		return nil, nil
	}
	node, _, err := l.Load(ctx, *id)
	return node, err
}

// node finds any object by its id, or nil.
func node(ctx context.Context, id string) (any, error) {
	l := load(ctx)
	switch relay.IDPrefix(id) {
	case "agt":
		return asNode(ctx, l.agents, id)
	case "bgt":
		return asNode(ctx, l.budgets, id)
	case "cse":
		return asNode(ctx, l.consoleLines, id)
	case "chk":
		return asNode(ctx, l.checkpoints, id)
	case "cnv":
		return asNode(ctx, l.conversations, id)
	case "fnd":
		return asNode(ctx, l.findings, id)
	case "crt":
		return asNode(ctx, l.criteria, id)
	case "pln":
		return asNode(ctx, l.plans, id)
	case "tsk":
		return asNode(ctx, l.tasks, id)
	case "key":
		return asNode(ctx, l.keys, id)
	case "mem":
		return asNode(ctx, l.memberships, id)
	case "mrg":
		return asNode(ctx, l.merges, id)
	case "msg":
		return asNode(ctx, l.messages, id)
	case "org":
		return asNode(ctx, l.organisations, id)
	case "apr":
		return asNode(ctx, l.approvals, id)
	case "rul":
		return asNode(ctx, l.permissionRules, id)
	case "pky":
		return asNode(ctx, l.providerKeys, id)
	case "prj":
		return asNode(ctx, l.projects, id)
	case "qst":
		return asNode(ctx, l.questions, id)
	case "run":
		return asNode(ctx, l.runs, id)
	case "cmd":
		return asNode(ctx, l.commands, id)
	case "sbx":
		return asNode(ctx, l.sandboxes, id)
	case "tcl":
		return asNode(ctx, l.toolCalls, id)
	case "usg":
		return asNode(ctx, l.usageRecords, id)
	case "usr":
		return asNode(ctx, l.users, id)
	}
	return nil, nil
}

func asNode[T any](ctx context.Context, l *relay.Loader[*T], id string) (any, error) {
	node, found, err := l.Load(ctx, id)
	if err != nil || !found {
		return nil, err
	}
	return node, nil
}
