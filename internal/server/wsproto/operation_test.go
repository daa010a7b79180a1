package wsproto_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server/wsproto"
)

func TestQueriesAndMutationsAnswerNextThenComplete(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	c.subscribe(`q"1\`, "{name}")
	c.receive(`{"id":"q\"1\\","type":"next","payload":{"data":{"name":"test"}}}`)
	c.receive(`{"id":"q\"1\\","type":"complete"}`)
	c.subscribe("m", "mutation{rename}")
	c.receive(`{"id":"m","type":"next","payload":{"data":{"rename":"new"}}}`)
	c.receive(`{"id":"m","type":"complete"}`)
	c.send(`{"id":"v","type":"subscribe","payload":{"query":"query A($input:EchoInput!){echo(input:$input)} query B{name}",
		"operationName":"A","variables":{"input":{"text":"hi"}},"extensions":null,"other":1}}`)
	c.receive(`{"id":"v","type":"next","payload":{"data":{"echo":"hi"}}}`)
	c.receive(`{"id":"v","type":"complete"}`)
	c.quiet()
}

func TestExecutionErrorsAreResults(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	c.subscribe("1", "{broken}")
	c.receive(`{"id":"1","type":"next","payload":{"data":{"broken":null},
		"errors":[{"message":"it broke","path":["broken"],"extensions":{"code":"UNAUTHENTICATED"}}]}}`)
	c.receive(`{"id":"1","type":"complete"}`)
}

func TestRequestErrorsAreOneErrorMessage(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	for query, want := range map[string]string{
		"{":         "GRAPHQL_PARSE_FAILED",
		"{nothing}": "GRAPHQL_VALIDATION_FAILED",
		"{" + strings.Repeat("name ", 5000) + "}":       "QUERY_TOO_COMPLEX",
		"query($input: EchoInput!){echo(input:$input)}": "BAD_USER_INPUT",
		"subscription{ticks refused}":                   "GRAPHQL_VALIDATION_FAILED",
		"query A{name} query B{name}":                   "BAD_USER_INPUT",
	} {
		c.subscribe("1", query)
		code, _ := c.receiveError("1")
		require.Equal(t, want, code, query)
		c.quiet() // no complete follows
	}
}

func TestARefusedSubscriptionIsAnErrorMessage(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	c.subscribe("1", "subscription{refused}")
	_, message := c.receiveError("1")
	require.Equal(t, "not for you", message)
	c.quiet()
}

func TestAnEventThatCanNotBeReadNowIsResumed(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("s", "subscription{ticks}")
	ticks <- "a"
	ticks <- "away"
	c.receive(`{"id":"s","type":"next","payload":{"data":{"ticks":"a"}}}`)
	got, err := c.read()
	require.Error(t, err, got)
	var closed *websocket.CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, 4510, closed.Code)
}

func TestAPanicEndsItsOperationOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("live", "subscription{ticks}")
	for _, query := range []string{"{panics}", "subscription{panics}"} {
		c.subscribe("bad", query)
		code, message := c.receiveError("bad")
		require.Equal(t, "INTERNAL", code)
		require.NotContains(t, message, "secret")
	}
	ticks <- "a"
	c.receive(`{"id":"live","type":"next","payload":{"data":{"ticks":"a"}}}`)
}

func TestASubscriptionStreamsInOrderAndCompletes(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("s", "subscription{ticks}")
	go func() {
		defer close(ticks)
		for i := range 500 {
			ticks <- fmt.Sprint(i)
		}
	}()
	for i := range 500 {
		c.receive(fmt.Sprintf(`{"id":"s","type":"next","payload":{"data":{"ticks":"%d"}}}`, i))
	}
	c.receive(`{"id":"s","type":"complete"}`)
	c.send(`{"id":"s","type":"complete"}`) // both sides may complete
	c.quiet()
}

func TestFramesOfEverySizeArrive(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("s", "subscription{ticks}")
	empty := len(`{"id":"s","type":"next","payload":{"data":{"ticks":""}}}`)
	for _, size := range []int{empty, 125, 126, 127, 65535, 65536, 3 << 20} {
		tick := strings.Repeat("x", size-empty)
		ticks <- tick
		c.receive(`{"id":"s","type":"next","payload":{"data":{"ticks":"` + tick + `"}}}`)
	}
}

func TestCompleteCancelsAndSilencesTheOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	started, cancelled := make(chan struct{}), make(chan struct{})
	b.schema.Slow = func(ctx context.Context) string {
		close(started)
		<-ctx.Done()
		close(cancelled)
		return "too late"
	}
	c := b.ready()
	c.subscribe("1", "{slow}")
	<-started
	c.send(`{"id":"1","type":"complete"}`)
	<-cancelled
	c.quiet()
	c.send(`{"id":"never","type":"complete"}`)
	c.quiet()
}

func TestAnIDIsFreeAtOnceAfterTheClientsComplete(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	release := make(chan struct{})
	var calls atomic.Int32
	b.schema.Slow = func(context.Context) string {
		if calls.Add(1) == 1 {
			<-release // the old operation ignores its context
			return "old"
		}
		return "new"
	}
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("1", "{slow}")
	require.Eventually(t, func() bool { return calls.Load() == 1 }, patience, 1e6)
	c.send(`{"id":"1","type":"complete"}`)
	c.subscribe("1", "subscription{ticks}")
	ticks <- "a"
	c.receive(`{"id":"1","type":"next","payload":{"data":{"ticks":"a"}}}`)
	close(release)
	ticks <- "b"
	c.receive(`{"id":"1","type":"next","payload":{"data":{"ticks":"b"}}}`)

	c.send(`{"id":"1","type":"complete"}`) // the newer one is still the one to stop
	c.subscribe("1", "{slow}")
	c.receive(`{"id":"1","type":"next","payload":{"data":{"slow":"new"}}}`)
	c.receive(`{"id":"1","type":"complete"}`)
}

func TestAnIDIsFreeWithItsLastMessage(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	for range 200 {
		c.subscribe("1", "{name}")
		c.receive(`{"id":"1","type":"next","payload":{"data":{"name":"test"}}}`)
		c.receive(`{"id":"1","type":"complete"}`)
		c.subscribe("1", "{")
		c.receiveError("1")
	}
}

func TestTooManyOperationsAreRefusedOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{MaxOperations: 2})
	b.ticking()
	c := b.ready()
	c.subscribe("1", "subscription{ticks}")
	c.subscribe("2", "subscription{ticks}")
	c.subscribe("3", "{name}")
	code, _ := c.receiveError("3")
	require.Equal(t, "RATE_LIMITED", code)
	c.send(`{"id":"1","type":"complete"}`)
	c.subscribe("3", "{name}")
	c.receive(`{"id":"3","type":"next","payload":{"data":{"name":"test"}}}`)
	c.receive(`{"id":"3","type":"complete"}`)
}

func TestCompletingDoesNotMakeRoomForMoreThanCanEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{MaxOperations: 2})
	begun, release := make(chan struct{}, 4), make(chan struct{})
	b.schema.Slow = func(context.Context) string { begun <- struct{}{}; <-release; return "" }
	c := b.ready()
	for i := range 4 {
		id := strconv.Itoa(i)
		c.subscribe(id, "{slow}")
		<-begun // what is completed before it has begun ends at once
		c.send(`{"id":"` + id + `","type":"complete"}`)
	}
	c.subscribe("more", "{name}")
	code, _ := c.receiveError("more")
	require.Equal(t, "RATE_LIMITED", code)

	close(release)
	require.Eventually(t, func() bool {
		c.subscribe("again", "{name}")
		got, err := c.read()
		require.NoError(t, err)
		if !strings.Contains(got, `"next"`) {
			return false
		}
		c.receive(`{"id":"again","type":"complete"}`)
		return true
	}, patience, 10*time.Millisecond)
}
