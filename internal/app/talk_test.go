package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// writer is an engineer that writes the file which it is asked for, "write a" being a.txt,
// and says so.
func writer(q llmtest.Request) llmtest.Reply {
	if len(q.Results()) > 0 {
		return llmtest.Reply{llmtest.Say("wrote it")}
	}
	text := q.LastText()
	name := text[len(text)-1:]
	if name == "!" {
		return llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()}
	}
	return llmtest.Reply{llmtest.Call("write_file", object{"path": name + ".txt", "text": name})}
}

// talking is a system with that engineer, and a project.
func talking(t *testing.T, cfg config.Config) (s *system, project string, model *llmtest.Server) {
	t.Helper()
	model = llmtest.NewServer(t, llmtest.Func(writer))
	cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
	s = start(t, cfg)
	return s, s.newProject(t, "Talk"), model
}

// say sends a message to the engineer and waits for its answer; input says where to.
func (s *system) say(t *testing.T, input object) (messageID, conversationID string) {
	t.Helper()
	input["agent"] = "engineer"
	sent := s.do(t, `mutation($i: SendMessageInput!) { sendMessage(input: $i) { message { id conversation { id } } run { id } } }`, object{"i": input})["sendMessage"].(object)
	s.endsIn(t, sent["run"].(object)["id"].(string), "SUCCEEDED")
	m := sent["message"].(object)
	return m["id"].(string), m["conversation"].(object)["id"].(string)
}

// endsIn waits for the end of a run.
func (s *system) endsIn(t *testing.T, run, state string) object {
	t.Helper()
	var r object
	require.Eventually(t, func() bool {
		r = s.do(t, `query($r: ID!) { run(id: $r) { state branch error conversation { id } } }`, object{"r": run})["run"].(object)
		return r["state"] == "SUCCEEDED" || r["state"] == "FAILED" || r["state"] == "CANCELLED"
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, state, r["state"], "%v", r)
	return r
}

// said lists a conversation's messages.
func (s *system) said(t *testing.T, conversation string) []object {
	t.Helper()
	return nodes(s.do(t, `query($c: ID!) { node(id: $c) { ... on Conversation { messages(first: 50) { edges { node {
		id role text retracted unread edits { id } sender { id } author { id } run { id } toolCalls(first: 5) { edges { node { name state } } } } } } } } }`,
		object{"c": conversation})["node"].(object)["messages"])
}

// has says whether a branch has a file.
func (s *system) has(t *testing.T, project, ref, path string) bool {
	t.Helper()
	_, a := s.post(t, s.key, `query($p: ID!, $f: String!, $r: String!) { project(id: $p) { file(path: $f, ref: $r) { path } } }`, object{"p": project, "f": path, "r": ref})
	return a.Data != nil && a.Data["project"] != nil && a.Data["project"].(object)["file"] != nil
}

func (s *system) refused(t *testing.T, query string, variables object) (code, field, message string) {
	t.Helper()
	_, a := s.post(t, s.key, query, variables)
	require.NotEmpty(t, a.Errors, "%v", a.Data)
	return a.Errors[0].Extensions.Code, a.Errors[0].Extensions.Field, a.Errors[0].Message
}

// changes follows what becomes of a project's conversations.
func (s *system) changes(t *testing.T, project, after string) (next func(*testing.T) object) {
	t.Helper()
	w := s.operate(t, s.key, `subscription($p: ID!, $after: Cursor) { projectEvents(projectId: $p, after: $after, types: [CONVERSATION_CHANGED]) {
		... on ConversationChanged { deleted conversation { id title branch } } } }`, object{"p": project, "after": after})
	return func(t *testing.T) object {
		t.Helper()
		e, ok := w.next(t)
		require.True(t, ok, w.fail)
		var change object
		require.NoError(t, json.Unmarshal([]byte(e.raw), &change))
		return change
	}
}

const (
	editQuery   = `mutation($i: EditMessageInput!) { editMessage(input: $i) { message { id edits { id } } run { id branch } undo { id } } }`
	forkQuery   = `mutation($i: ForkConversationInput!) { forkConversation(input: $i) { conversation { id title branch forkedFrom { id } } } }`
	renameQuery = `mutation($i: RenameConversationInput!) { renameConversation(input: $i) { conversation { id title } } }`
	deleteQuery = `mutation($i: DeleteConversationInput!) { deleteConversation(input: $i) { conversationId project { id } } }`
)

func TestEditAndForkAndMerge(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s, project, model := talking(t, cfg)
		first, talk := s.say(t, object{"projectId": project, "text": "please write a"})
		second, _ := s.say(t, object{"conversationId": talk, "text": "please write b"})

		input := object{"messageId": second, "text": "please write c", "idempotencyKey": "k"}
		edited := s.do(t, editQuery, object{"i": input})["editMessage"].(object)
		require.Equal(t, second, edited["message"].(object)["edits"].(object)["id"])
		require.Equal(t, edited, s.do(t, editQuery, object{"i": input})["editMessage"], "the same again does nothing")
		s.endsIn(t, edited["run"].(object)["id"].(string), "SUCCEEDED")
		all := s.said(t, talk)
		require.Len(t, all, 9)
		for i, m := range all {
			require.Equal(t, 3 <= i && i < 6, m["retracted"], i)
		}
		require.Equal(t, []string{"please write a", "please write c"}, peoples(model.Requests()[len(model.Requests())-1].Messages), "it knows nothing of b")
		require.True(t, s.has(t, project, "main", "b.txt"), "files stay")

		// From the answer to the first message on, b and c are not there.
		answer := all[2]["id"].(string)
		input = object{"messageId": answer, "title": "Another way", "idempotencyKey": "f"}
		fork := s.do(t, forkQuery, object{"i": input})["forkConversation"].(object)["conversation"].(object)
		require.Equal(t, fork, s.do(t, forkQuery, object{"i": input})["forkConversation"].(object)["conversation"])
		id, branch := fork["id"].(string), fork["branch"].(string)
		require.Equal(t, "fork/"+id, branch)
		require.Equal(t, "Another way", fork["title"])
		require.Equal(t, answer, fork["forkedFrom"].(object)["id"])
		copied := s.said(t, id)
		require.Len(t, copied, 3)
		for i, m := range copied {
			require.Equal(t, all[i]["text"], m["text"])
			require.Equal(t, all[i]["toolCalls"], m["toolCalls"])
			require.Nil(t, m["run"])
		}
		for file, there := range map[string]bool{"a.txt": true, "b.txt": false, "c.txt": false} {
			require.Equal(t, there, s.has(t, project, branch, file), file)
		}

		s.say(t, object{"conversationId": id, "text": "please write d"})
		asked := model.Requests()[len(model.Requests())-2]
		require.Equal(t, []string{"please write a", "please write d"}, peoples(asked.Messages))
		require.Len(t, asked.Messages[1].ToolCalls, 1, "the call of the copied message, too")
		require.True(t, s.has(t, project, branch, "d.txt"))
		require.False(t, s.has(t, project, "main", "d.txt"), "nobody has merged it")
		merging := s.do(t, `mutation($p: ID!, $s: String!) { mergeBranch(input: {projectId: $p, source: $s}) { merge { id } } }`, object{"p": project, "s": branch})
		merge := merging["mergeBranch"].(object)["merge"].(object)["id"]
		require.Eventually(t, func() bool {
			return s.do(t, `query($m: ID!) { node(id: $m) { ... on Merge { state } } }`, object{"m": merge})["node"].(object)["state"] == "MERGED"
		}, time.Minute, 20*time.Millisecond)
		for _, file := range []string{"a.txt", "b.txt", "c.txt", "d.txt"} {
			require.True(t, s.has(t, project, "main", file), file)
		}

		// What has left the context can be forked from, with what it answered then.
		old := s.do(t, forkQuery, object{"i": object{"messageId": all[5]["id"]}})["forkConversation"].(object)["conversation"].(object)
		var texts []any
		for _, m := range s.said(t, old["id"].(string)) {
			texts = append(texts, m["text"])
			require.Equal(t, false, m["retracted"])
		}
		require.Equal(t, []any{"please write a", "", "wrote it", "please write b", "", "wrote it"}, texts)
		require.True(t, s.has(t, project, old["branch"].(string), "b.txt"))
		require.False(t, s.has(t, project, old["branch"].(string), "c.txt"))
		code, field, message := s.refused(t, `mutation($i: SendMessageInput!) { sendMessage(input: $i) { message { id } } }`, object{"i": object{"conversationId": id, "text": "x", "ownBranch": true}})
		require.Equal(t, []string{"BAD_USER_INPUT", "ownBranch"}, []string{code, field})
		require.Contains(t, message, branch)

		// The edit can be undone.
		s.do(t, `mutation($c: ID!) { restoreCheckpoint(input: {checkpointId: $c, files: false, conversation: true}) { applied } }`, object{"c": edited["undo"].(object)["id"]})
		for i, m := range s.said(t, talk) {
			require.Equal(t, i >= 6, m["retracted"], i)
		}
		require.NotEmpty(t, first)
	})
}

// peoples are the words of the user's side that aren't results.
func peoples(messages []llm.Message) (out []string) {
	for _, m := range messages {
		if m.Role == llm.RoleUser && m.Text != "" {
			out = append(out, m.Text)
		}
	}
	return out
}

func TestABusyConversationIsEditedOnceItIsInterrupted(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s, project, _ := talking(t, cfg)
		sent := s.do(t, `mutation($p: ID!) { sendMessage(input: {projectId: $p, agent: "engineer", text: "go on!"}) { message { id conversation { id } } run { id } } }`, object{"p": project})["sendMessage"].(object)
		m, run := sent["message"].(object), sent["run"].(object)["id"].(string)
		require.Eventually(t, func() bool { return len(s.said(t, m["conversation"].(object)["id"].(string))) == 2 }, time.Minute, 20*time.Millisecond)
		streaming := s.said(t, m["conversation"].(object)["id"].(string))[1]["id"]
		code, field, _ := s.refused(t, forkQuery, object{"i": object{"messageId": streaming}})
		require.Equal(t, []string{"CONFLICT", "messageId"}, []string{code, field})
		for busy, want := range map[string]string{"REJECT": "CONFLICT", "QUEUE": "BAD_USER_INPUT", "STEER": "BAD_USER_INPUT"} {
			code, _, _ := s.refused(t, editQuery, object{"i": object{"messageId": m["id"], "text": "write a", "whileBusy": busy}})
			require.Equal(t, want, code, busy)
		}
		edited := s.do(t, editQuery, object{"i": object{"messageId": m["id"], "text": "write a", "whileBusy": "INTERRUPT"}})["editMessage"].(object)
		s.endsIn(t, run, "CANCELLED")
		s.endsIn(t, edited["run"].(object)["id"].(string), "SUCCEEDED")
		require.True(t, s.has(t, project, "main", "a.txt"))
	})
}

func TestWhatCantBeEdited(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s, project, _ := talking(t, cfg)
		m, talk := s.say(t, object{"projectId": project, "text": "write a"})
		answer := s.said(t, talk)[2]["id"]
		for _, c := range []struct {
			input       object
			code, field string
		}{
			{object{"messageId": answer, "text": "x"}, "BAD_USER_INPUT", "messageId"},
			{object{"messageId": "msg_00000000000000000000000000", "text": "x"}, "NOT_FOUND", "messageId"},
			{object{"messageId": m, "text": " "}, "BAD_USER_INPUT", "text"},
			{object{"messageId": m, "text": "x", "agent": "nobody"}, "BAD_USER_INPUT", "agent"},
		} {
			code, field, _ := s.refused(t, editQuery, object{"i": c.input})
			require.Equal(t, []string{c.code, c.field}, []string{code, field}, "%v", c.input)
		}
		s.do(t, editQuery, object{"i": object{"messageId": m, "text": "write b"}})
		code, field, _ := s.refused(t, editQuery, object{"i": object{"messageId": m, "text": "write c", "whileBusy": "INTERRUPT"}})
		require.Equal(t, []string{"CONFLICT", "messageId"}, []string{code, field}, "it is out of the context")
	})
}

func TestAConversationIsRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s, project, _ := talking(t, cfg)
		m, talk := s.say(t, object{"projectId": project, "text": "write a"})
		head := s.do(t, `query($p: ID!) { project(id: $p) { headCursor } }`, object{"p": project})["project"].(object)["headCursor"]
		named := s.do(t, renameQuery, object{"i": object{"conversationId": talk, "title": " The first "}})["renameConversation"].(object)["conversation"].(object)
		require.Equal(t, "The first", named["title"])
		for _, title := range []string{"", "two\nlines", string(make([]rune, 81))} {
			code, field, _ := s.refused(t, renameQuery, object{"i": object{"conversationId": talk, "title": title}})
			require.Equal(t, []string{"BAD_USER_INPUT", "title"}, []string{code, field})
		}
		fork := s.do(t, forkQuery, object{"i": object{"messageId": m}})["forkConversation"].(object)["conversation"].(object)["id"].(string)
		busy := s.do(t, `mutation($c: ID!) { sendMessage(input: {conversationId: $c, agent: "engineer", text: "go on!"}) { run { id } } }`, object{"c": talk})["sendMessage"].(object)["run"].(object)["id"].(string)

		gone := s.do(t, deleteQuery, object{"i": object{"conversationId": talk}})["deleteConversation"].(object)
		require.Equal(t, talk, gone["conversationId"])
		require.Nil(t, s.endsIn(t, busy, "CANCELLED")["conversation"], "the run stays, and says so")
		data := s.do(t, `query($p: ID!, $c: ID!, $m: ID!) { project(id: $p) { conversations(first: 9) { edges { node { id title } } } messages(first: 50) { edges { node { conversation { id } } } } }
			talk: node(id: $c) { id } message: node(id: $m) { id } }`, object{"p": project, "c": talk, "m": m})
		require.Nil(t, data["talk"])
		require.Nil(t, data["message"])
		left := nodes(data["project"].(object)["conversations"])
		require.Len(t, left, 1)
		require.Equal(t, fork, left[0]["id"])
		for _, one := range nodes(data["project"].(object)["messages"]) {
			require.Equal(t, fork, one["conversation"].(object)["id"])
		}
		require.Len(t, s.said(t, fork), 1, "a fork stays, with what was copied")

		const send = `mutation($c: ID!) { sendMessage(input: {conversationId: $c, text: "hello"}) { message { id } } }`
		for query, variables := range map[string]object{
			send:        {"c": talk},
			renameQuery: {"i": object{"conversationId": talk, "title": "x"}},
			deleteQuery: {"i": object{"conversationId": talk}},
		} {
			code, field, message := s.refused(t, query, variables)
			require.Equal(t, []string{"NOT_FOUND", "conversationId"}, []string{code, field})
			require.Contains(t, message, "was deleted")
		}
		code, _, _ := s.refused(t, `mutation($r: ID!) { retryRun(input: {runId: $r}) { run { id } } }`, object{"r": busy})
		require.Equal(t, "CONFLICT", code)

		// Another tenant hears what they would of one that never was.
		_, signed := s.post(t, "", `mutation { signUp(input: {email: "eve@example.com", password: "correct horse", name: "Eve"}) { accessToken } }`, nil)
		eve := signed.Data["signUp"].(object)["accessToken"].(string)
		_, of := s.post(t, eve, send, object{"c": talk})
		_, never := s.post(t, eve, send, object{"c": "cnv_00000000000000000000000000"})
		require.Equal(t, never, of)

		var changes []object
		next := s.changes(t, project, head.(string))
		for range 3 {
			changes = append(changes, next(t))
		}
		require.Equal(t, []object{
			{"deleted": false, "conversation": object{"id": talk, "title": "The first", "branch": "main"}},
			{"deleted": false, "conversation": object{"id": fork, "title": "The first", "branch": "fork/" + fork}},
			{"deleted": true, "conversation": object{"id": talk, "title": "The first", "branch": "main"}},
		}, changes)
	})
}
