package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// installation is two servers that only serve and one worker, each a process of
// its own, on one PostgreSQL database and one Redis.
type installation struct {
	redis    *redistest.Server
	one, two *system
}

func install(t *testing.T, pace time.Duration) *installation {
	t.Helper()
	i := &installation{redis: redistest.Private(t)}
	cfg := config.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", PublicURL: "http://127.0.0.1", SignUpOpen: true, Introspection: true,
		DatabaseURL: storetest.PostgresURL(t), RedisURL: i.redis.URL(), DemoPace: pace, Secret: "sixteen characters",
	}
	key := ""
	node := func(mode string) *system {
		url, _ := processOf(t, cfg, mode)
		if key == "" {
			key = ownerKey(t, cfg)
		}
		cfg.DataDir = t.TempDir()
		return &system{url: url, key: key}
	}
	i.one, i.two = node(modeServeOnly), node(modeServeOnly)
	node(modeWorker)
	return i
}

func TestAWatcherOnAnotherNodeSeesTheRun(t *testing.T) {
	t.Parallel()
	i := install(t, -1)
	project := i.one.newProject(t, "Two nodes")
	w := i.two.watch(t, i.two.key, project, "start")
	i.one.send(t, project, "Build a to-do list page")
	events := w.untilEnd(t)
	require.Equal(t, "SUCCEEDED", events[len(events)-1].State)
	require.Equal(t, events, i.one.watch(t, i.one.key, project, "start").untilEnd(t))
}

// What is signed on one node holds on the other, until it is revoked on either.
func TestNodesShareKeysAndRevocations(t *testing.T) {
	t.Parallel()
	i := install(t, -1)
	_, a := i.one.post(t, "", `mutation { signUp(input: {email: "ada@example.com", password: "correct horse battery", name: "Ada"}) { accessToken } }`, nil)
	require.Empty(t, a.Errors)
	token := a.Data["signUp"].(object)["accessToken"].(string)
	_, a = i.two.post(t, token, `{ viewer { name } }`, nil)
	require.Empty(t, a.Errors)
	require.Equal(t, "Ada", a.Data["viewer"].(object)["name"])

	_, a = i.two.post(t, token, `mutation { createProject(input: {name: "Hers"}) { project { id } } }`, nil)
	require.Empty(t, a.Errors)
	project := a.Data["createProject"].(object)["project"].(object)["id"].(string)
	w := i.two.watch(t, token, project, "start")
	_, a = i.one.post(t, token, `mutation { signOut(input: {}) { user { id } } }`, nil)
	require.Empty(t, a.Errors)
	status, a := i.two.post(t, token, `{ viewer { name } }`, nil)
	require.Equal(t, 401, status)
	require.Equal(t, "UNAUTHENTICATED", a.code())
	for ok := true; ok; {
		_, ok = w.next(t)
	}
	require.Contains(t, w.fail, "4403")
}

// Nothing is in Redis that is needed: while it is away the watcher reads the log.
func TestRedisMayBeAwayInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	i := install(t, 250*time.Millisecond)
	project := i.one.newProject(t, "No Redis for a while")
	w := i.two.watch(t, i.two.key, project, "start")
	run := i.one.send(t, project, "Build a to-do list page")
	var events []received
	read := func() bool {
		e, ok := w.next(t)
		require.True(t, ok, "the stream ended: %s", w.fail)
		events = append(events, e)
		return e.Type == "RunStateChanged" && e.State != "QUEUED" && e.State != "RUNNING"
	}
	for events == nil || events[len(events)-1].Type != "MessageDelta" {
		require.False(t, read())
	}
	i.redis.Stop()
	back := time.AfterFunc(12*time.Second, i.redis.Start)
	defer back.Stop()
	during := 0
	for !read() {
		during++
	}
	require.False(t, back.Stop(), "the run must go on for longer than Redis is away")
	require.Greater(t, during, 20)
	require.Equal(t, "SUCCEEDED", events[len(events)-1].State)
	for n, e := range events {
		require.EqualValues(t, n+1, e.Seq)
	}
	require.Equal(t, events, i.one.watch(t, i.one.key, project, "start").untilEnd(t))
	data := i.one.do(t, `query($r: ID!) { run(id: $r) { state error } }`, object{"r": run})
	require.Nil(t, data["run"].(object)["error"])

	// A mutation needs no Redis either, and the stream goes on by it afterwards.
	i.redis.Stop()
	i.two.send(t, project, "Say hello")
	i.redis.Start()
	for {
		e, ok := w.next(t)
		require.True(t, ok, "the stream ended: %s", w.fail)
		if strings.Contains(e.raw, "Say hello") {
			return
		}
	}
}
