package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/internal/sdl"
	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// TestEveryFieldThatAnEventLeadsToIsPlaced walks from the events through the fields of
// their snapshots. A type that it meets, and each of its fields, must be in placements:
// whoever adds one decides there whether its answer depends on the event alone.
func TestEveryFieldThatAnEventLeadsToIsPlaced(t *testing.T) {
	t.Parallel()
	schema := sdl.Schema()
	met := map[string]bool{}
	var visit func(d *ast.Definition)
	visit = func(d *ast.Definition) {
		if met[d.Name] || d.IsLeafType() {
			return
		}
		met[d.Name] = true
		placed, known := placements[d.Name]
		require.True(t, known, "an event leads to the type %s, which graph/snapshot.go doesn't place", d.Name)
		where := map[string]string{}
		for column, names := range map[string]string{"snapshot": placed.snapshot, "current": placed.current} {
			for _, name := range strings.Fields(names) {
				require.Empty(t, where[name], "%s.%s is placed twice", d.Name, name)
				where[name] = column
				require.NotNil(t, d.Fields.ForName(name), "%s.%s is placed, but is no field", d.Name, name)
			}
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			require.NotEmpty(t, where[f.Name], "%s.%s is not placed in graph/snapshot.go", d.Name, f.Name)
			if where[f.Name] == "snapshot" {
				require.Empty(t, f.Arguments, "%s.%s: a field of a snapshot takes no arguments", d.Name, f.Name)
				visit(schema.Types[f.Type.Name()])
			}
		}
		for _, possible := range schema.GetPossibleTypes(d) {
			if d.Name != "Node" { // of those, only the ones that an event leads to
				visit(possible)
			}
		}
		for _, name := range d.Interfaces {
			visit(schema.Types[name])
			for _, field := range strings.Fields(placements[name].snapshot) {
				require.Equal(t, "snapshot", where[field], "%s.%s is of the snapshot, %s.%s is not", name, field, d.Name, field)
			}
		}
	}
	for _, f := range schema.Subscription.Fields {
		visit(schema.Types[f.Type.Name()])
	}
	for name := range placements {
		require.True(t, met[name], "%s is placed, but no event leads to it", name)
	}
}

// everything selects all fields of a snapshot.
func everything(schema *ast.Schema, d *ast.Definition) string {
	out := "{ __typename"
	for _, name := range strings.Fields(placements[d.Name].snapshot) {
		out += " " + name
		if of := schema.Types[d.Fields.ForName(name).Type.Name()]; !of.IsLeafType() {
			out += " " + everything(schema, of)
		}
	}
	if d.IsAbstractType() {
		for _, possible := range schema.GetPossibleTypes(d) {
			out += " ... on " + possible.Name + " " + everything(schema, possible)
		}
	}
	return out + " }"
}

// whole is an event of each type, with a snapshot in which nothing is missing.
func whole(t *testing.T) []stream.Event {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	user, agent, runID := "usr_a", "agt_a", "run_a"
	actor := &stream.Actor{UserID: user}
	message := &ent.Message{
		ID: "msg_a", ProjectID: "prj_a", ConversationID: "cnv_a", AuthorID: &user, AgentID: &agent, RunID: &runID,
		Role: enum.RoleUser, Status: enum.MessageComplete, Text: "hello", CreatedAt: at, CompletedAt: &at, EditsID: "msg_b", SenderRunID: runID,
	}
	conversation := &ent.Conversation{ID: "cnv_a", ProjectID: "prj_a", AuthorID: &user, Title: "t", Kind: enum.ConversationTask, Branch: "fork/cnv_a", ForkedFromID: "msg_b", TaskID: "tsk_a", CreatedAt: at, UpdatedAt: at}
	run := &ent.Run{
		ID: runID, ProjectID: "prj_a", ConversationID: "cnv_a", AgentID: agent, MessageID: "msg_a", RetriedFromID: &runID,
		State: enum.RunRunning, Model: "demo", Error: "none", CreatedAt: at, StartedAt: &at, FinishedAt: &at, DeadlineAt: 1,
		ParentID: &runID, TaskID: "tsk_a", CallID: "tcl_a", WaitsUntil: &at, WaitsFor: "x", Verification: "VERIFIED", Gaps: []string{"x"},
	}
	call := &ent.ToolCall{
		ID: "tcl_a", ProjectID: "prj_a", RunID: runID, MessageID: "msg_a",
		Name: "bash", Input: "{}", State: enum.ToolCallDone, CreatedAt: at, StartedAt: &at, FinishedAt: &at,
	}
	approval := &ent.Approval{
		ID: "apr_a", ProjectID: "prj_a", RunID: runID, ToolCallID: "tcl_a", AgentID: agent, Class: enum.CallNetwork, Risk: enum.RiskMedium,
		Tool: "bash", Shown: "x", Rule: "x", Reason: "x", Subject: "x", ExpiresAt: at, State: enum.ApprovalApproved, Remember: enum.ApprovedProject,
		Until: &at, DecidedByID: &user, DecidedAt: &at, Comment: "x", CreatedAt: at,
	}
	merge := &ent.Merge{
		ID: "mrg_a", ProjectID: "prj_a", UserID: user, RunID: &runID, Source: "x", Target: "main", State: enum.MergeFailed,
		Base: "b", Ours: "o", Theirs: "t", Result: "r", Error: "x", CreatedAt: at, StartedAt: &at, FinishedAt: &at,
	}
	question := &ent.Question{
		ID: "qst_a", ProjectID: "prj_a", ConversationID: "cnv_a", RunID: runID, ToolCallID: &call.ID, AgentID: agent, Text: "x", Choices: []string{"x"},
		Fallback: "x", DeadlineAt: at, State: enum.QuestionAnswered, Answer: "x", AnsweredByID: &user, CreatedAt: at, AnsweredAt: &at,
	}
	finding := &ent.Finding{
		ID: "fnd_a", ProjectID: "prj_a", RunID: &runID, AgentID: &agent, Branch: "main", Check: enum.CheckCode, Rule: "r", Title: "t", File: "f", Line: 1,
		Severity: enum.SeverityHigh, Evidence: "e", Remedy: "m", Cwe: 79, Revision: "c", State: enum.FindingDismissed, Reason: "x", DecidedByID: &user,
		CreatedAt: at, SeenAt: at,
	}
	plan := &ent.Plan{ID: "pln_a", ProjectID: "prj_a", RunID: runID, UserID: user, Summary: "s", State: enum.PlanActive, CreatedAt: at, FinishedAt: &at}
	task := &ent.Task{
		ID: "tsk_a", ProjectID: "prj_a", PlanID: &plan.ID, AuthorID: &user, DependsOn: []string{"tsk_b"}, AgentID: agent, Title: "t", State: enum.TaskFailed, Priority: enum.TaskHigh, RunID: runID,
		ConversationID: "cnv_a", Problem: "x", CreatedAt: at, StartedAt: &at, FinishedAt: &at,
	}
	project := &ent.Project{ID: "prj_a", OwnerID: user, OrganisationID: "org_a", Name: "P", Description: "D", CreatedAt: at, UpdatedAt: at}
	command := &ent.Command{
		ID: "cmd_a", ProjectID: "prj_a", UserID: user, RunID: &runID, ToolCallID: &call.ID, Branch: "main", Shell: "x", Argv: []string{"x"},
		TimeoutMs: 1000, State: enum.CommandExited, ExitCode: new(int), Signal: "KILL", Note: "x", Commit: "c", CreatedAt: at, StartedAt: &at, FinishedAt: &at,
	}
	sandbox := &ent.Sandbox{ID: "sbx_a", ProjectID: "prj_a", State: enum.SandboxRunning, Reason: "x", Driver: "bubblewrap", UsedAt: 1, SampledAt: &at}
	amount := int64(1)
	var all []stream.Event
	for _, one := range []struct {
		of      enum.EventType
		payload any
	}{
		{enum.EventProjectUpdated, stream.ProjectPayload{V: 1, Project: project, Actor: actor}},
		{enum.EventMessageAdded, stream.MessagePayload{V: 1, Message: message, Actor: actor}},
		{enum.EventMessageDelta, stream.DeltaPayload{V: 1, MessageID: "msg_a", Text: "x", Actor: actor}},
		{enum.EventMessageCompleted, stream.MessagePayload{V: 1, Message: message, Actor: actor}},
		{enum.EventConversationChanged, stream.ConversationPayload{V: 1, Conversation: conversation, Actor: actor}},
		{enum.EventRunStateChanged, stream.RunPayload{V: 1, Run: run, Actor: actor}},
		{enum.EventToolCallStarted, stream.ToolCallPayload{V: 1, ToolCall: call, Actor: actor}},
		{enum.EventToolCallOutput, stream.ToolCallPayload{V: 1, ToolCall: call, Text: "x", Stream: enum.Stdout, Actor: actor}},
		{enum.EventToolCallFinished, stream.ToolCallPayload{V: 1, ToolCall: call, Actor: actor}},
		{enum.EventFileChanged, stream.FilePayload{V: 1, Path: "a", Change: enum.FileCreated, Revision: "r", UserID: user}},
		{enum.EventCommandStarted, stream.CommandPayload{V: 1, Command: command, Actor: actor}},
		{enum.EventCommandOutput, stream.OutputPayload{V: 1, CommandID: "cmd_a", Stream: enum.Stderr, Text: "x", Actor: actor}},
		{enum.EventCommandFinished, stream.CommandPayload{V: 1, Command: command, Actor: actor}},
		{enum.EventSandboxChanged, stream.SandboxPayload{V: 1, Sandbox: sandbox, Actor: actor}},
		{enum.EventBranchChanged, stream.BranchPayload{V: 1, Name: "x", Change: enum.FileCreated, Tip: "t", Actor: actor}},
		{enum.EventMergeChanged, stream.MergePayload{V: 1, Merge: merge, Actor: actor}},
		{enum.EventQuestionAsked, stream.QuestionPayload{V: 1, Question: question, Actor: actor}},
		{enum.EventQuestionAnswered, stream.QuestionPayload{V: 1, Question: question, Actor: actor}},
		{enum.EventApprovalRequested, stream.ApprovalPayload{V: 1, Approval: approval, Actor: actor}},
		{enum.EventApprovalResolved, stream.ApprovalPayload{V: 1, Approval: approval, Actor: actor}},
		{enum.EventFindingChanged, stream.FindingPayload{V: 1, Finding: finding, Actor: actor}},
		{enum.EventPlanChanged, stream.PlanPayload{V: 1, Plan: plan, Actor: actor}},
		{enum.EventTaskChanged, stream.TaskPayload{V: 1, Task: task, Actor: actor}},
		{enum.EventCheckpointRestored, stream.RestorePayload{V: 1, CheckpointID: "chk_a", UndoID: "chk_b", Branch: "main", Commit: "c", ConversationID: "cnv_a", Actor: actor}},
		{enum.EventUsageRecorded, stream.UsagePayload{V: 1, RecordID: "usg_a", Actor: actor}},
		{enum.EventBudgetReached, stream.BudgetPayload{
			V: 1, BudgetID: "bgt_a", Scope: enum.BudgetProject, Period: enum.PeriodDay, Limit: &amount, Spent: &amount, Needed: &amount, Text: "x", Actor: actor,
		}},
		{enum.EventConsoleOutput, stream.ConsolePayload{V: 1, Actor: actor, Entries: []*ent.ConsoleEntry{{
			ID: "cse_a", Level: enum.ConsoleError, Text: "x", Stack: "x", Fingerprint: "f", URL: "u", Line: 1, Column: 1, UserAgent: "b", Session: "s", Count: 1, CreatedAt: at,
		}}}},
		{enum.EventStreamReset, map[string]any{"v": 1, "reason": "x", "actor": actor}}, // none has one, but it could
	} {
		raw, err := json.Marshal(one.payload)
		require.NoError(t, err)
		all = append(all, stream.Event{Project: "prj_a", Seq: int64(len(all) + 1), Type: one.of, RunID: "run_a", At: at, Payload: raw})
	}
	return all
}

// TestSnapshotsAreAnsweredWithoutRightsAndWithoutADatabase asks every field that is
// placed as the snapshot's, of an event of every type, with nobody in the context and a
// database that answers nothing.
func TestSnapshotsAreAnsweredWithoutRightsAndWithoutADatabase(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	require.NoError(t, db.Close())
	exec := NewExecutor(Deps{DB: db, Logger: slog.New(slog.DiscardHandler)})
	schema := sdl.Schema()
	events := whole(t)
	require.Len(t, events, len(enum.EventType("").Values()), "an event of every type")
	for _, root := range []string{`projectEvents(projectId: "prj_a")`, `runEvents(runId: "run_a")`} {
		ctx, source := share.WithSource(graphql.StartOperationTrace(context.Background()))
		operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{
			Query: "subscription { " + root + " " + everything(schema, schema.Types["ProjectEvent"]) + " }",
		})
		require.Empty(t, errs)
		responses, ctx := exec.DispatchOperation(ctx, operation)
		for _, e := range events {
			require.NoError(t, source.Put(ctx, e))
			resp := responses(ctx)
			require.NotNil(t, resp)
			require.Empty(t, resp.Errors, "%s", e.Type)
			require.NotContains(t, string(resp.Data), "null", "a field of %s has no answer here", e.Type)
		}
	}
}

// TestFieldsOfTheCurrentStateHaveNoAnswerWithoutRights is what would come of a field that
// is placed wrongly: nobody is in a shared execution's context, so there is no answer
// that could be shown to the wrong person.
func TestFieldsOfTheCurrentStateHaveNoAnswerWithoutRights(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	exec := NewExecutor(Deps{DB: db, Workspace: workspace.New(db, nil), Logger: slog.New(slog.DiscardHandler)})
	schema := sdl.Schema()
	asked := 0
	for _, e := range whole(t) {
		kind := schema.Types[typeOf(e.Type)]
		asks := current(schema, kind)
		for _, name := range strings.Fields(placements[kind.Name].snapshot) {
			for _, below := range current(schema, schema.Types[kind.Fields.ForName(name).Type.Name()]) {
				asks = append(asks, name+" { "+below+" }")
			}
		}
		for _, ask := range asks {
			ctx, source := share.WithSource(graphql.StartOperationTrace(context.Background()))
			operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{
				Query: fmt.Sprintf(`subscription { projectEvents(projectId: "prj_a") { ... on %s { %s } } }`, kind.Name, ask),
			})
			require.Empty(t, errs, ask)
			responses, ctx := exec.DispatchOperation(ctx, operation)
			require.NoError(t, source.Put(ctx, e))
			resp := responses(ctx)
			require.NotEmpty(t, resp.Errors, "%s { %s } was answered: %s", kind.Name, ask, resp.Data)
			asked++
		}
	}
	require.Greater(t, asked, 40)
}

// current asks for each field of a type that reads the current state.
func current(schema *ast.Schema, d *ast.Definition) (asks []string) {
	for _, name := range strings.Fields(placements[d.Name].current) {
		field := d.Fields.ForName(name)
		ask := name
		if field.Arguments.ForName("path") != nil {
			ask += `(path: "a")`
		}
		if !schema.Types[field.Type.Name()].IsLeafType() {
			ask += " { __typename }"
		}
		asks = append(asks, ask)
	}
	return asks
}

// typeOf is the type that tells of an event.
func typeOf(e enum.EventType) string {
	words := strings.Split(strings.ToLower(string(e)), "_")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}
