package run_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/question"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testBundle is a working engine with a scripted model.
type testBundle struct {
	db        *store.DB
	url       string          // PostgreSQL's; empty on SQLite
	ctx       context.Context // of the project's owner
	owner     access.Viewer
	model     *llmtest.Server
	project   *ent.Project
	talk      *conversation.Service
	engine    *run.Engine
	files     *workspace.Workspace
	questions *question.Service

	permissions *permission.Service
}

// each runs test on both databases, with a working engine and a model that answers by
// script.
func each(t *testing.T, script func() []llmtest.Script, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		test(t, setup(t, db, url, options{script: script()}))
	})
}

// eachIdle runs test on both databases, with an engine that doesn't run.
func eachIdle(t *testing.T, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) { test(t, setup(t, db, url, options{idle: true})) })
}

// eachVendor is each with an empty script, with the model's wire format of vendor.
func eachVendor(t *testing.T, vendor string, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	eachDatabaseWith(t, options{openAI: vendor == "openai"}, test)
}

func eachDatabaseWith(t *testing.T, o options, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) { test(t, setup(t, db, url, o)) })
}

func eachDatabase(t *testing.T, test func(t *testing.T, db *store.DB, url string)) {
	t.Helper()
	for _, kind := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if kind == dialect.SQLite {
				test(t, storetest.SQLite(t), "")
				return
			}
			url := storetest.PostgresURL(t)
			db, err := store.OpenPostgres(url)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			test(t, db, url)
		})
	}
}

// options are how a test wants its engine.
type options struct {
	script []llmtest.Script
	idle   bool // don't run it
	openAI bool // speak OpenAI's format with the model, not Anthropic's
	run    run.Options
	price  *catalogue.Price // nil: the model has none
	window int              // of its context, in tokens; 0: unknown
	models []string         // of its tier; nil: one
	rules  []policy.Rule    // the installation's
	expiry time.Duration    // of questions to people; 0: a day
}

func setup(t *testing.T, db *store.DB, url string, o options) *testBundle {
	t.Helper()
	require.NoError(t, run.MigrateQueue(t.Context(), db, slog.New(slog.DiscardHandler)))
	require.NoError(t, agent.Register(t.Context(), db))
	owner := storetest.User(t, db, "owner@example.com")
	b := &testBundle{
		db: db, url: url, ctx: access.WithViewer(context.Background(), owner), owner: owner,
		project: storetest.Project(t, db, owner, "P"), model: newServer(t, o.script),
	}
	b.engine, b.talk = b.worker(t, o)
	return b
}

// worker makes one more engine on the bundle's database, with a way to send messages
// beside it.
func (b *testBundle) worker(t *testing.T, o options) (*run.Engine, *conversation.Service) {
	t.Helper()
	engine, talk, deltas, queue := b.build(t, o)
	if o.idle {
		t.Cleanup(queue.Close)
	} else {
		t.Cleanup(operate(t, engine, deltas, queue))
	}
	return engine, talk
}

// start sets one more engine to work until stop is called.
func (b *testBundle) start(t *testing.T, o run.Options) (stop func()) {
	t.Helper()
	engine, _, deltas, queue := b.build(t, options{run: o})
	stop = sync.OnceFunc(operate(t, engine, deltas, queue))
	t.Cleanup(stop)
	return stop
}

func (b *testBundle) build(t *testing.T, o options) (*run.Engine, *conversation.Service, *stream.Deltas, *run.Queue) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if o.run.Logger != nil {
		logger = o.run.Logger
	}
	queue, err := run.NewQueue(context.Background(), b.db, b.url, logger)
	require.NoError(t, err)
	log := stream.NewLog(b.db, memory.New(), logger)
	deltas := stream.NewDeltas(log)
	b.files = workspace.New(b.db, log)
	p := o.run
	p.DB, p.Log, p.Deltas, p.Queue, p.Workspace, p.Logger = b.db, log, deltas, queue, b.files, logger
	p.Questions = question.NewBook(log)
	if b.questions == nil {
		b.questions = question.New(b.db, log, queue, logger)
	}
	b.permissions = permission.New(permission.Options{DB: b.db, Log: log, Rules: o.rules, Expiry: o.expiry})
	p.Models, p.Permissions = b.models(t, o), b.permissions
	talk := conversation.New(conversation.Options{
		DB: b.db, Log: log, Queue: queue, Models: p.Models, Files: b.files,
		Checkpoints: checkpoint.New(b.db, log, b.files, nil, checkpoint.Retention{}, logger),
	})
	return run.NewEngine(p), talk, deltas, queue
}

// models has the scripted model alone.
func (b *testBundle) models(t *testing.T, o options) everywhere {
	t.Helper()
	server := route.Server{Name: "anthropic", Provider: anthropic.New(anthropic.Options{APIKey: "key", BaseURL: b.model.AnthropicURL(), HTTPClient: b.model.Client()})}
	if o.openAI {
		server = route.Server{Name: "openai", Provider: openai.New(openai.Options{APIKey: "key", BaseURL: b.model.OpenAIURL(), HTTPClient: b.model.Client()})}
	}
	server.Models, server.Default = []string{"scripted", "other"}, "scripted"
	var entries []byte
	if c := o.price; c != nil {
		entries = fmt.Appendf(nil, `[{"provider":"anthropic","id":"scripted","price":{"input":"%g","output":"%g","cacheRead":"%g","cacheWrite":"%g"},"asOf":"2026-11-01"}]`,
			float64(c.Input)/1e6, float64(c.Output)/1e6, float64(c.CacheRead)/1e6, float64(c.CacheWrite)/1e6)
	} else if o.window > 0 {
		entries = fmt.Appendf(nil, `[{"provider":"anthropic","id":"scripted","contextWindow":%d}]`, o.window)
	}
	known, err := catalogue.New(entries)
	require.NoError(t, err)
	r, err := route.New(route.Options{
		Servers: []route.Server{server}, Catalogue: known, Models: map[route.Tier][]string{route.Standard: o.models}, Backoff: llm.Backoff{Base: time.Millisecond, Max: time.Millisecond, Attempts: 3},
	})
	require.NoError(t, err)
	return everywhere{r}
}

// everywhere is the same router for all projects.
type everywhere struct{ *route.Router }

func (e everywhere) For(context.Context, string) (*route.Router, error) { return e.Router, nil }

// operate runs an engine until stop is called, which waits for its end.
func operate(t *testing.T, engine *run.Engine, deltas *stream.Deltas, queue *run.Queue) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	below, stopBelow := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- deltas.Run(below) }()
	working := make(chan error, 1)
	go func() { working <- engine.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-working)
		stopBelow()
		require.NoError(t, <-ended)
		queue.Close()
	}
}

func newServer(t *testing.T, script []llmtest.Script) *llmtest.Server {
	t.Helper()
	srv := llmtest.NewServer(t)
	srv.Add(script...)
	return srv
}

func (b *testBundle) send(t *testing.T, in conversation.SendInput) (*ent.Message, *ent.Run) {
	t.Helper()
	if in.ConversationID == "" {
		in.ProjectID = b.project.ID
	}
	m, r, err := b.talk.Send(b.ctx, in)
	require.NoError(t, err)
	return m, r
}

// await waits until the run has ended.
func (b *testBundle) await(t *testing.T, id string) *ent.Run {
	t.Helper()
	var r *ent.Run
	soon(t, func() bool {
		var err error
		r, err = b.db.Ent.Run.Get(b.ctx, id)
		return err == nil && r.State.Ended()
	})
	return r
}

func TestACutStreamIsRetriedInANewMessage(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Say("half an ", "answer"), llmtest.Cut(2)},
			llmtest.Status(529),
			llmtest.Reply{llmtest.Say("whole 🚀")},
		}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		messages, err := b.db.Ent.Message.Query().Order(ent.Asc(message.FieldPosition)).All(b.ctx)
		require.NoError(t, err)
		require.Len(t, messages, 3)
		require.Equal(t, enum.MessageInterrupted, messages[1].Status)
		require.Equal(t, "half an answer", messages[1].Text)
		require.Equal(t, enum.MessageComplete, messages[2].Status)
		require.Equal(t, "whole 🚀", messages[2].Text)
	})
}

func TestARefusedKeyFailsTheRunInWords(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script { return []llmtest.Script{llmtest.Status(401)} }, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, ended.State)
		require.Contains(t, ended.Error, "401")
		require.NotContains(t, ended.Error, "key\"")
	})
}

func TestToolErrorsGoBackToTheModel(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Call("read_file", map[string]any{"path": "none.txt"}), llmtest.Call("write_file", map[string]any{"path": "../x", "text": "y"}), llmtest.Call("fly", map[string]any{})},
			llmtest.Reply{llmtest.Call("write_file", map[string]any{"path": "a.txt", "text": "one two"})},
			llmtest.Reply{llmtest.Call("edit_file", map[string]any{"path": "a.txt", "old_text": "two", "new_text": "three"})},
			llmtest.Reply{llmtest.Say("done")},
		}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		calls, err := b.db.Ent.ToolCall.Query().Where(toolcall.RunID(r.ID)).Order(ent.Asc(toolcall.FieldID)).All(b.ctx)
		require.NoError(t, err)
		require.Len(t, calls, 5)
		for i, want := range []enum.ToolCallState{enum.ToolCallFailed, enum.ToolCallFailed, enum.ToolCallFailed, enum.ToolCallDone, enum.ToolCallDone} {
			require.Equal(t, want, calls[i].State, calls[i].Output)
		}
		require.Contains(t, calls[0].Output, "NOT_FOUND")
		require.Contains(t, calls[1].Output, "BAD_USER_INPUT (path)")
		f, err := b.files.File(b.ctx, b.project.ID, "a.txt", "")
		require.NoError(t, err)
		require.Equal(t, "one three", *f.Text)
	})
}

func TestMessagesOfOneConversationAreAnsweredInTurn(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Slow(20 * time.Millisecond), llmtest.Say("1", "1", "1", "1", "1")},
			llmtest.Reply{llmtest.Say("2")},
			llmtest.Reply{llmtest.Say("3")},
		}
	}, func(t *testing.T, b *testBundle) {
		m, first := b.send(t, conversation.SendInput{Text: "first"})
		_, second := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "second"})
		_, third := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "third"})
		for i, r := range []*ent.Run{first, second, third} {
			require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
			answer, err := b.db.Ent.Message.Query().Where(message.RunID(r.ID), message.RoleEQ(enum.RoleAssistant)).Only(b.ctx)
			require.NoError(t, err)
			require.Equal(t, []string{"11111", "2", "3"}[i], answer.Text)
		}
	})
}

func TestCancelEndsARunUnderWay(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()}}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.untilSaid(t, r.ID)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
		m, err := b.db.Ent.Message.Query().Where(message.RunID(r.ID), message.RoleEQ(enum.RoleAssistant)).Only(b.ctx)
		require.NoError(t, err)
		require.Equal(t, enum.MessageInterrupted, m.Status)
		require.Equal(t, "on and on", m.Text)
	})
}

func TestARunWhoseWorkerVanishedIsTakenOver(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Reply{llmtest.Say("here")})
		r := storetest.Run(t, b.db, b.project, enum.RunRunning)
		unchecked := storetest.Unchecked(context.Background())
		require.NoError(t, b.db.Ent.Run.UpdateOneID(r.ID).SetLeaseOwner("gone").SetLeaseUntil(1).SetEpoch(7).Exec(unchecked))
		b.start(t, run.Options{}) // only now: without an owner the run is anybody's
		ended := b.await(t, r.ID)
		require.Equal(t, enum.RunSucceeded, ended.State)
		require.Greater(t, ended.Epoch, int64(7))
	})
}

func TestARunWithoutAJobIsFound(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Reply{llmtest.Say("here")})
		r := storetest.Run(t, b.db, b.project, enum.RunQueued)
		require.NoError(t, b.db.Ent.Run.Update().Where(entrun.ID(r.ID)).SetLeaseUntil(1).Exec(storetest.Unchecked(context.Background())))
		b.start(t, run.Options{}) // only now: it would take the run in between
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
	})
}

func TestSendingTheSameTwiceDoesItOnce(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script { return []llmtest.Script{llmtest.Reply{llmtest.Say("once")}} }, func(t *testing.T, b *testBundle) {
		in := conversation.SendInput{Text: "hello", IdempotencyKey: "k"}
		m1, r1 := b.send(t, in)
		m2, r2 := b.send(t, in)
		require.Equal(t, m1.ID, m2.ID)
		require.Equal(t, r1.ID, r2.ID)
		_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: b.project.ID, Text: "other", IdempotencyKey: "k"})
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
		b.await(t, r1.ID)
	})
}
