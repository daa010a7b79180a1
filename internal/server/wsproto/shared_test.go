package wsproto_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/wsproto"
)

const sharedQuery = `subscription{shared{cursor text}}`

func sharedAfter(cursor string) string {
	return fmt.Sprintf(`subscription{shared(after:%q){cursor text}}`, cursor)
}

// told is the frame of an event.
func told(id string, seq int, text string) string {
	return fmt.Sprintf(`{"id":%q,"type":"next","payload":{"data":{"shared":{"cursor":"c%d","text":%q}}}}`, id, seq, text)
}

// members waits until so many are told together.
func (b *testBundle) members(n int64) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.fanout.Stats().Members == n }, patience, time.Millisecond)
}

// executing counts goroutines that execute an operation or catch up.
func executing(t *testing.T) int {
	var stacks bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&stacks, 2))
	return strings.Count(stacks.String(), "(*conn).execute(") + strings.Count(stacks.String(), "(*Member).replay(")
}

func TestWatchersOfTheSameShareItsExecution(t *testing.T) {
	b := setup(t, wsproto.Config{})
	b.schema.Journal.Append("one", "two")
	var all []*client
	for i := range 20 {
		c := b.ready()
		all = append(all, c)
		c.subscribe(fmt.Sprint("live ", i), sharedQuery)
		c.subscribe(fmt.Sprint("all ", i), sharedAfter("c0"))
		c.receive(told(fmt.Sprint("all ", i), 1, "one"))
		c.receive(told(fmt.Sprint("all ", i), 2, "two"))
	}
	b.members(40)
	require.Eventually(t, func() bool { return executing(t) == 0 }, patience, time.Millisecond, "a live one has no goroutine")
	before := b.fanout.Stats().Executions
	for seq := 3; seq <= 50; seq++ {
		b.schema.Journal.Append(fmt.Sprint("event ", seq))
		for i, c := range all {
			first, err := c.read()
			require.NoError(t, err)
			second, err := c.read()
			require.NoError(t, err)
			require.ElementsMatch(t, []string{
				told(fmt.Sprint("live ", i), seq, fmt.Sprint("event ", seq)), told(fmt.Sprint("all ", i), seq, fmt.Sprint("event ", seq)),
			}, []string{first, second}, "byte for byte")
		}
	}
	stats := b.fanout.Stats()
	require.EqualValues(t, 48, stats.Executions-before, "one for each event")
	require.EqualValues(t, 1, stats.Groups)
	require.Eventually(t, func() bool { return b.handler.Stats().Frames >= 20*(1+2+2*48) }, patience, time.Millisecond)
	for _, c := range all {
		require.NoError(t, c.ws.Close())
	}
	b.members(0)
	require.Eventually(t, func() bool { return b.schema.Journal.Readers() == 0 }, patience, time.Millisecond)
}

func TestASharedOperationIsCompletedAsAnyOther(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	c, other := b.ready(), b.ready()
	other.subscribe("o", sharedQuery)
	b.members(1)
	for round := range 50 {
		c.subscribe("1", sharedQuery)
		if round%2 == 0 {
			b.members(2) // else it is completed whatever it is at
		}
		c.send(`{"id":"1","type":"complete"}`)
	}
	c.quiet()
	b.members(1)
	b.schema.Journal.Append("x")
	other.receive(told("o", 1, "x"))
	c.quiet()
	c.subscribe("1", sharedAfter("c0"))
	c.receive(told("1", 1, "x"))
	b.members(2)
	c.subscribe("1", sharedQuery)
	require.Equal(t, "Subscriber for 1 already exists", c.closed(4409))
	b.members(1)
}

func TestSharedOperationsAreRefusedOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{MaxOperations: 2})
	c := b.ready()
	c.subscribe("bad", sharedAfter("nonsense"))
	_, message := c.receiveError("bad")
	require.Equal(t, `"nonsense" is no cursor`, message)
	c.subscribe("1", sharedQuery)
	c.subscribe("2", sharedQuery)
	b.members(2)
	c.subscribe("3", sharedQuery)
	code, _ := c.receiveError("3")
	require.Equal(t, "RATE_LIMITED", code, "a live one counts")
	c.send(`{"id":"1","type":"complete"}`)
	c.subscribe("3", sharedQuery)
	b.members(2)
	c.quiet()
}

// users takes whom the credentials name for the viewer.
func users(cfg wsproto.Config) wsproto.Config {
	cfg.Authenticate = func(ctx context.Context, authorization string) (context.Context, error) {
		return access.WithViewer(ctx, access.Viewer{UserID: authorization}), nil
	}
	return cfg
}

func (b *testBundle) as(user string) *client {
	b.t.Helper()
	c := b.open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"` + user + `"}}`)
	c.receive(`{"type":"connection_ack"}`)
	return c
}

func TestWhatAsksForTheViewerIsToldToEachByItself(t *testing.T) {
	t.Parallel()
	b := setup(t, users(wsproto.Config{}))
	ann, bob := b.as("ann"), b.as("bob")
	ann.subscribe("a", sharedQuery)
	bob.subscribe("b", sharedQuery)
	b.members(2)
	b.schema.Journal.Append("one", "private", "three", "private", "private", "six")
	for i, text := range []string{"one", "private of %s", "three", "private of %s", "private of %s", "six"} {
		ann.receive(told("a", i+1, strings.ReplaceAll(text, "%s", "ann")))
		bob.receive(told("b", i+1, strings.ReplaceAll(text, "%s", "bob")))
	}
	require.EqualValues(t, 6, b.fanout.Stats().Fallbacks)
}

func TestALostRightIsAnErrorOfTheOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, users(wsproto.Config{}))
	ann, bob := b.as("ann"), b.as("bob")
	ann.subscribe("a", sharedQuery)
	bob.subscribe("b", sharedQuery)
	b.members(2)
	b.revoked.Store("bob", true)
	code, _ := bob.receiveError("b")
	require.Equal(t, "NOT_FOUND", code)
	b.schema.Journal.Append("x")
	ann.receive(told("a", 1, "x"))
	bob.quiet()
	b.revoked.Delete("bob")
	bob.subscribe("b", sharedAfter("c0"))
	bob.receive(told("b", 1, "x"))
}

func TestOneSlowWatcherIsClosed4508AndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 512 << 10, QueueAge: time.Hour, WriteTimeout: time.Hour})
	slow, quick := b.ready(), b.ready()
	slow.subscribe("s", sharedQuery)
	quick.subscribe("q", sharedQuery)
	b.members(2)
	seq, text := 0, strings.Repeat("x", 128<<10)
	for b.handler.Stats().SlowCloses == 0 {
		seq++
		b.schema.Journal.Append(text)
		got, err := quick.read()
		require.NoError(t, err)
		require.Equal(t, told("q", seq, text), got)
	}
	b.members(1)
	require.Equal(t, "Slow consumer: resume from your cursor", slow.closed(4508))
	b.schema.Journal.Append("last")
	quick.receive(told("q", seq+1, "last"))
}

func TestCatchingUpNeverOverflowsTheQueue(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 64 << 10})
	text := strings.Repeat("x", 4<<10)
	const events = 500 // far more than the queue holds
	for range events {
		b.schema.Journal.Append(text)
	}
	c := b.ready()
	c.subscribe("1", sharedAfter("c0"))
	c.subscribe("2", sharedAfter("c0"))
	got := map[string]int{}
	for range 2 * events {
		frame, err := c.read()
		require.NoError(t, err)
		for _, id := range []string{"1", "2"} {
			if strings.HasPrefix(frame, `{"id":"`+id+`"`) {
				got[id]++
				require.Equal(t, told(id, got[id], text), frame)
			}
		}
	}
	require.Equal(t, map[string]int{"1": events, "2": events}, got)
}

func TestWhoCatchesUpAndReadsNothingIsClosed4508(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 64 << 10, WriteTimeout: 5 * time.Second})
	text := strings.Repeat("x", 1<<10)
	for range 8000 {
		b.schema.Journal.Append(text)
	}
	c := b.ready()
	c.subscribe("1", sharedAfter("c0"))
	require.Eventually(t, func() bool { return b.handler.Stats().SlowCloses == 1 }, patience, time.Millisecond)
	c.closed(4508)
	b.members(0)
}

func TestShutdownEndsTheGroups(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 16 << 20}) // all of it, where the socket's writer gets no turn
	live, behind := b.ready(), b.ready()
	live.subscribe("l", sharedQuery)
	b.members(1)
	for range 1000 {
		b.schema.Journal.Append(strings.Repeat("x", 1<<10))
	}
	behind.subscribe("b", sharedAfter("c0"))
	b.members(2)
	down := make(chan error)
	go func() { down <- b.handler.Shutdown(t.Context()) }()
	live.closed(1012)
	behind.closed(1012)
	require.NoError(t, <-down)
	b.fanout.Wait()
	require.Equal(t, fanout.Stats{Executions: b.fanout.Stats().Executions, Reused: b.fanout.Stats().Reused}, b.fanout.Stats())
	require.Zero(t, b.schema.Journal.Readers())
}
