package fanout_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

// patience is how long a test waits for what must happen; it measures nothing.
const patience = 2 * time.Minute

// api is the whole API over a database, without a transport.
type api struct {
	db      *store.DB
	exec    *executor.Executor
	log     *stream.Log
	fanout  *fanout.Fanout
	project *ent.Project
	run     *ent.Run
	// viewers have different rights in the project: its owner, a viewer, and the
	// owner's API key.
	viewers map[string]access.Viewer
}

func newAPI(t *testing.T, db *store.DB) *api {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	carrier := memory.New()
	log := stream.NewLog(db, carrier, logger)
	a := &api{db: db, log: log, exec: graph.NewExecutor(graph.Deps{
		DB: db, Log: log, Hub: stream.NewHub(log, carrier, logger), Workspace: workspace.New(db, log), Logger: logger,
	})}
	a.fanout = fanout.New(fanout.Config{Exec: a.exec, Logger: logger, Interval: 20 * time.Millisecond,
		MayRead: func(ctx context.Context, all []access.LogReader) (map[access.LogReader]bool, error) {
			return access.MayRead(ctx, db.Ent, all)
		}})
	ada, bob := storetest.User(t, db, "ada@example.com"), storetest.User(t, db, "bob@example.com")
	a.project = storetest.Project(t, db, ada, "Shared")
	a.run = storetest.Run(t, db, a.project, enum.RunRunning)
	_, err := db.Ent.Membership.Create().SetProjectID(a.project.ID).SetUserID(bob.UserID).SetRole(enum.ProjectViewer).
		Save(storetest.Unchecked(t.Context()))
	require.NoError(t, err)
	key := ada
	ada.SessionID, bob.SessionID, key.KeyID = "ses_ada", "ses_bob", "key_ada"
	a.viewers = map[string]access.Viewer{"owner": ada, "viewer": bob, "API key": key}
	return a
}

// append writes an event of each type, and one whose snapshot is too large for the log.
// It returns how many.
func (a *api) append(t *testing.T) int {
	t.Helper()
	ctx := storetest.Unchecked(t.Context())
	writer, err := access.StreamWriter(access.WithViewer(t.Context(), a.viewers["owner"]), a.db.Ent, a.project.ID)
	require.NoError(t, err)
	message, err := a.db.Ent.Message.Get(ctx, a.run.MessageID)
	require.NoError(t, err)
	position, err := a.db.Ent.Message.Query().Count(ctx)
	require.NoError(t, err)
	large, err := a.db.Ent.Message.Create().SetConversationID(message.ConversationID).SetProjectID(a.project.ID).SetRunID(a.run.ID).
		SetAgentID(a.run.AgentID).SetRole(enum.RoleAssistant).SetStatus(enum.MessageComplete).SetPosition(position).
		SetText(strings.Repeat("<&>\u00e9", 20_000)).Save(ctx)
	require.NoError(t, err)
	call, err := a.db.Ent.ToolCall.Create().SetProjectID(a.project.ID).SetRunID(a.run.ID).SetMessageID(large.ID).
		SetPosition(0).SetCallID("1").SetName("bash").SetInput(`{"command":"ls <a> & b"}`).SetState(enum.ToolCallDone).Save(ctx)
	require.NoError(t, err)
	actor := &stream.Actor{UserID: a.viewers["owner"].UserID}
	drafts := []stream.Draft{
		{Type: enum.EventProjectUpdated, Payload: stream.ProjectPayload{V: 1, Project: a.project, Actor: actor}},
		{Type: enum.EventMessageAdded, RunID: a.run.ID, Payload: stream.MessagePayload{V: 1, Message: message}},
		{Type: enum.EventRunStateChanged, RunID: a.run.ID, Payload: stream.RunPayload{V: 1, Run: a.run, Actor: &stream.Actor{AgentID: a.run.AgentID}}},
		{Type: enum.EventMessageDelta, RunID: a.run.ID, Payload: stream.DeltaPayload{V: 1, MessageID: large.ID, Offset: 3, Text: "\u2028<script>\"\\\u0000\xff"}},
		{Type: enum.EventMessageCompleted, RunID: a.run.ID, Payload: stream.MessagePayload{V: 1, Message: large}},
		{Type: enum.EventToolCallStarted, RunID: a.run.ID, Payload: stream.ToolCallPayload{V: 1, ToolCall: call}},
		{Type: enum.EventToolCallOutput, RunID: a.run.ID, Payload: stream.ToolCallPayload{V: 1, ToolCall: call, Text: "a\nb"}},
		{Type: enum.EventToolCallFinished, RunID: a.run.ID, Payload: stream.ToolCallPayload{V: 1, ToolCall: call}},
		{Type: enum.EventFileChanged, Payload: stream.FilePayload{V: 1, Path: "a b.txt", Change: enum.FileModified, Revision: "r", UserID: actor.UserID}},
	}
	require.NoError(t, a.db.InTx(t.Context(), func(_ context.Context, tx *store.Tx) error {
		a.log.Append(tx, writer, drafts...)
		return nil
	}))
	return len(drafts)
}

// document is what a client asks for.
type document struct {
	query     string
	variables map[string]any
	wanted    int // how many of append's events it tells of
}

// begin dispatches a document with a viewer's rights, with an offer or without.
func (a *api) begin(t *testing.T, ctx context.Context, d document) (graphql.ResponseHandler, context.Context) {
	t.Helper()
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: d.query, Variables: d.variables})
	require.Empty(t, errs, d.query)
	return a.exec.DispatchOperation(ctx, operation)
}

// alone is what a viewer is told without any sharing.
func (a *api) alone(t *testing.T, v access.Viewer, d document, n int) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(access.WithViewer(context.Background(), v), patience)
	defer cancel()
	responses, ctx := a.begin(t, ctx, d)
	for len(all) < n {
		resp := responses(ctx)
		require.NotNil(t, resp, "%s: after %d of %d", d.query, len(all), n)
		payload, err := gqlreq.Encode(resp)
		require.NoError(t, err)
		all = append(all, string(payload))
	}
	return all
}

// listener is a subscriber that keeps what it is told.
type listener struct {
	mu      sync.Mutex
	told    []string
	cursors []string
	failed  gqlerror.List
	member  *fanout.Member
	cancel  context.CancelFunc
	came    chan struct{} // has a token when something has come
}

// await waits until so much has come, and reports whether it has.
func (l *listener) await(n int) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	for !l.has(n)() {
		select {
		case <-l.came:
		case <-late.C:
			return false
		}
	}
	return true
}

func (l *listener) Send(batch []*fanout.Encoding) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range batch {
		l.told, l.cursors = append(l.told, string(e.Payload)), append(l.cursors, e.Cursor())
	}
	select {
	case l.came <- struct{}{}:
	default:
	}
	return true
}

func (l *listener) Replay(_ context.Context, batch []*fanout.Encoding) bool { return l.Send(batch) }

func (l *listener) Fail(errs gqlerror.List) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = errs
}

func (l *listener) has(n int) func() bool {
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.told) >= n
	}
}

func (l *listener) code() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failed) == 0 {
		return ""
	}
	code, _ := l.failed[0].Extensions["code"].(string)
	return code
}

// listen shares a document; nil where it may not be.
func (a *api) listen(t *testing.T, v access.Viewer, d document) *listener {
	t.Helper()
	l := &listener{came: make(chan struct{}, 1)}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(access.WithViewer(context.Background(), v))
	offered, offer := share.WithOffer(ctx)
	a.begin(t, offered, d)
	if offer.Taken() == nil {
		l.cancel()
		return nil
	}
	l.member = a.fanout.Serve(ctx, offer.Taken(), l)
	return l
}

func (l *listener) leave() {
	l.cancel()
	if l.member != nil {
		l.member.Leave()
	}
}
