package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// setupGone makes a project, in whose log tell writes of what is nowhere else.
func setupGone(t *testing.T, db *store.DB) (b *bundle, ada access.Viewer, id string, tell func(...stream.Draft)) {
	t.Helper()
	var log *stream.Log
	b, ada = setup(t, db, func(d *graph.Deps) { log = d.Log }), storetest.User(t, db, "ada@example.com")
	id = b.create(t, ada, "Gone")
	writer, err := access.StreamWriter(as(ada), db.Ent, id)
	require.NoError(t, err)
	return b, ada, id, func(drafts ...stream.Draft) {
		require.NoError(t, db.InTx(t.Context(), func(_ context.Context, tx *store.Tx) error {
			log.Append(tx, writer, drafts...)
			return nil
		}))
	}
}

// What an event is about may be deleted before it is told, and the log had no room for
// what it was: the events behind it are told all the same.
func TestEventsOfWhatIsGoneAreInNobodysWay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada, id, tell := setupGone(t, db)
		long := strings.Repeat("x", 80<<10)
		by := &stream.Actor{UserID: ada.UserID}
		tell(
			stream.Draft{Type: enum.EventMessageAdded, Payload: stream.MessagePayload{V: 1, Message: &ent.Message{ID: "msg_gone", ProjectID: id, Text: long}, Actor: by}},
			stream.Draft{Type: enum.EventMessageCompleted, Payload: stream.MessagePayload{V: 1, Message: &ent.Message{ID: "msg_gone", ProjectID: id, Text: long}}},
			stream.Draft{Type: enum.EventTaskChanged, Payload: stream.TaskPayload{V: 1, Task: &ent.Task{ID: "tsk_gone", ProjectID: id, Description: long}, Actor: by}},
			stream.Draft{Type: enum.EventFileChanged, Payload: stream.FilePayload{V: 1, Path: "behind", Change: enum.FileCreated}},
		)
		ctx, cancel := context.WithTimeout(as(ada), time.Minute)
		defer cancel()
		next := b.start(ctx, t, `subscription($id: ID!) { projectEvents(projectId: $id, after: "start", types: [MESSAGE_ADDED, MESSAGE_COMPLETED, TASK_CHANGED, FILE_CHANGED]) {
			__typename
			... on MessageAdded { message { id role status text author { id } } }
			... on MessageCompleted { message { id role status text } }
			... on TaskChanged { deleted task { id title state } }
			... on FileChanged { path } } }`, object{"id": id})
		told := func() object {
			resp := next()
			require.NotNil(t, resp)
			require.Empty(t, resp.Errors)
			var data object
			require.NoError(t, json.Unmarshal(resp.Data, &data))
			return data["projectEvents"].(object)
		}
		require.Equal(t, object{
			"id": "msg_gone", "role": "USER", "status": "INTERRUPTED", "text": "", "author": object{"id": ada.UserID},
		}, at(told(), "message"))
		require.Equal(t, object{"id": "msg_gone", "role": "ASSISTANT", "status": "COMPLETE", "text": ""}, at(told(), "message"))
		require.Equal(t, object{
			"__typename": "TaskChanged", "deleted": true, "task": object{"id": "tsk_gone", "title": "", "state": "CANCELLED"},
		}, told())
		require.Equal(t, "behind", told()["path"])
		cancel()
		require.Nil(t, next())
	})
}

// What has to be there, and isn't known of what is gone, makes the event null: NOT_FOUND,
// which clients go on behind.
func TestAnEventThatCannotBeToldIsNull(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada, id, tell := setupGone(t, db)
		tell(
			stream.Draft{Type: enum.EventTaskChanged, Payload: stream.TaskPayload{V: 1, ID: "tsk_gone"}},
			stream.Draft{Type: enum.EventFileChanged, Payload: stream.FilePayload{V: 1, Path: "behind", Change: enum.FileCreated}},
		)
		ctx, cancel := context.WithTimeout(as(ada), time.Minute)
		defer cancel()
		next := b.start(ctx, t, `subscription($id: ID!) { projectEvents(projectId: $id, after: "start", types: [TASK_CHANGED, FILE_CHANGED]) {
			... on TaskChanged { task { id agent { slug } } } ... on FileChanged { path } } }`, object{"id": id})
		resp := next()
		require.NotNil(t, resp)
		require.JSONEq(t, `{"projectEvents":null}`, string(resp.Data))
		require.Len(t, resp.Errors, 1)
		require.Equal(t, "NOT_FOUND", resp.Errors[0].Extensions["code"])
		resp = next()
		require.NotNil(t, resp)
		require.Empty(t, resp.Errors)
		require.JSONEq(t, `{"projectEvents":{"path":"behind"}}`, string(resp.Data))
		cancel()
		require.Nil(t, next())
	})
}

// So it is with events of every kind that the log may shorten.
func TestEventsOfEveryKindSurviveWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada, id, tell := setupGone(t, db)
		long := strings.Repeat("x", 80<<10)
		about := []struct {
			kind    enum.EventType
			payload any
			field   string
			told    string // of its field, beside the id
			want    object
		}{
			{enum.EventProjectUpdated, stream.ProjectPayload{V: 1, Project: &ent.Project{ID: "prj_gone", Description: long}}, "project", "name description createdAt", object{"name": "", "description": ""}},
			{enum.EventConversationChanged, stream.ConversationPayload{V: 1, Conversation: &ent.Conversation{ID: "cnv_gone", Title: long}}, "conversation", "title createdAt", object{"title": ""}},
			{enum.EventRunStateChanged, stream.RunPayload{V: 1, Run: &ent.Run{ID: "run_gone", Error: long}}, "run", "state gaps finishedAt", object{"state": "CANCELLED"}},
			{enum.EventToolCallStarted, stream.ToolCallPayload{V: 1, ToolCall: &ent.ToolCall{ID: "tcl_gone", Input: long}}, "toolCall", "name input state", object{"input": "{}", "state": "INTERRUPTED"}},
			{enum.EventToolCallOutput, stream.ToolCallPayload{V: 1, ID: "tcl_gone", Text: "told all the same"}, "toolCall", "state", object{"state": "INTERRUPTED"}},
			{enum.EventToolCallFinished, stream.ToolCallPayload{V: 1, ToolCall: &ent.ToolCall{ID: "tcl_gone", Output: long}}, "toolCall", "output state", object{"output": "", "state": "INTERRUPTED"}},
			{enum.EventCommandStarted, stream.CommandPayload{V: 1, Command: &ent.Command{ID: "cmd_gone", Shell: long}}, "command", "argv shell branch state", object{"state": "LOST"}},
			{enum.EventCommandFinished, stream.CommandPayload{V: 1, Command: &ent.Command{ID: "cmd_gone", Shell: long}}, "command", "argv run { id } state", object{"state": "LOST", "run": nil}},
			{enum.EventSandboxChanged, stream.SandboxPayload{V: 1, Sandbox: &ent.Sandbox{ID: "sbx_gone", Reason: long}}, "sandbox", "state reason", object{"state": "DELETED", "reason": nil}},
			{enum.EventMergeChanged, stream.MergePayload{V: 1, Merge: &ent.Merge{ID: "mrg_gone", Error: long}, Actor: &stream.Actor{UserID: ada.UserID}}, "merge", "state requestedBy { id }", object{"state": "CANCELLED", "requestedBy": object{"id": ada.UserID}}},
			{enum.EventPlanChanged, stream.PlanPayload{V: 1, Plan: &ent.Plan{ID: "pln_gone", Summary: long}}, "plan", "summary state", object{"summary": "", "state": "CANCELLED"}},
			{enum.EventQuestionAsked, stream.QuestionPayload{V: 1, Question: &ent.Question{ID: "qst_gone", Text: long}}, "question", "text choices deadlineAt state", object{"text": "", "state": "CANCELLED"}},
			{enum.EventQuestionAnswered, stream.QuestionPayload{V: 1, Question: &ent.Question{ID: "qst_gone", Text: long}}, "question", "text state", object{"text": "", "state": "CANCELLED"}},
			{enum.EventApprovalRequested, stream.ApprovalPayload{V: 1, Approval: &ent.Approval{ID: "apr_gone", Shown: long}}, "approval", "class risk shown remember state", object{"class": "DESTRUCTIVE", "risk": "HIGH", "remember": "ONCE", "state": "CANCELLED"}},
			{enum.EventApprovalResolved, stream.ApprovalPayload{V: 1, Approval: &ent.Approval{ID: "apr_gone", Shown: long}}, "approval", "expiresAt state", object{"state": "CANCELLED"}},
			{enum.EventFindingChanged, stream.FindingPayload{V: 1, Finding: &ent.Finding{ID: "fnd_gone", Evidence: long}}, "finding", "check severity seenAt state", object{"check": "CODE", "severity": "LOW", "state": "FIXED"}},
		}
		names := map[enum.EventType]string{}
		var selections strings.Builder
		for i, one := range about {
			tell(stream.Draft{Type: one.kind, Payload: one.payload})
			words := strings.Split(strings.ToLower(string(one.kind)), "_")
			for _, word := range words {
				names[one.kind] += strings.ToUpper(word[:1]) + word[1:]
			}
			fmt.Fprintf(&selections, "... on %s { about%d: %s { id %s } }\n", names[one.kind], i, one.field, one.told)
		}
		ctx, cancel := context.WithTimeout(as(ada), time.Minute)
		defer cancel()
		next := b.start(ctx, t, `subscription($id: ID!) { projectEvents(projectId: $id, after: "start") {
			__typename type ... on ConversationChanged { deleted } ... on ToolCallOutput { text }
			`+selections.String()+` } }`, object{"id": id})
		for i, one := range about {
			resp := next()
			require.NotNil(t, resp, one.kind)
			require.Empty(t, resp.Errors, one.kind)
			var data object
			require.NoError(t, json.Unmarshal(resp.Data, &data))
			told := data["projectEvents"].(object)
			require.Equal(t, names[one.kind], told["__typename"])
			entity := told[fmt.Sprintf("about%d", i)].(object)
			require.Contains(t, entity["id"], "_gone")
			for field, want := range one.want {
				require.Equal(t, want, entity[field], "%s %s", one.kind, field)
			}
			switch one.kind {
			case enum.EventConversationChanged:
				require.Equal(t, true, told["deleted"])
			case enum.EventToolCallOutput:
				require.Equal(t, "told all the same", told["text"])
			}
		}
		cancel()
		require.Nil(t, next())
	})
}
