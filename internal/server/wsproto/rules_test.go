package wsproto_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/wsproto"
)

// Rules of the protocol document that the other files don't show, and of the limits
// that are asked from outside.

func TestOperationsInterleave(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("a", "subscription{ticks}")
	ticks <- "1"
	c.receive(`{"id":"a","type":"next","payload":{"data":{"ticks":"1"}}}`)
	c.subscribe("b", "{name}")
	c.receive(`{"id":"b","type":"next","payload":{"data":{"name":"test"}}}`)
	c.receive(`{"id":"b","type":"complete"}`)
	ticks <- "2"
	c.receive(`{"id":"a","type":"next","payload":{"data":{"ticks":"2"}}}`)
}

func TestTwoInitsAtOnceClose4429(t *testing.T) {
	t.Parallel()
	b := authenticating(t, wsproto.Config{})
	c := b.open()
	c.send(`{"type":"connection_init"}`)
	c.send(`{"type":"connection_init"}`)
	c.receive(`{"type":"connection_ack"}`)
	c.closed(4429)
}

func TestOneNamespaceOfIDsForAllOperations(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	b.ticking()
	started := make(chan struct{}, 1)
	b.schema.Slow = func(ctx context.Context) string { started <- struct{}{}; <-ctx.Done(); return "" }
	for _, second := range []string{"subscription{ticks}", "mutation{rename}", "{name}", "{"} {
		c := b.ready()
		c.subscribe("1", "{slow}")
		<-started
		c.subscribe("1", second)
		require.Equal(t, "Subscriber for 1 already exists", c.closed(4409), second)
	}
}

func TestOptionalMembersMayBeNull(t *testing.T) {
	t.Parallel()
	c := setup(t, wsproto.Config{}).ready()
	c.send(`{"id":"1","type":"subscribe","payload":{"query":"{name}","operationName":null,"variables":null,"extensions":null}}`)
	c.receive(`{"id":"1","type":"next","payload":{"data":{"name":"test"}}}`)
	c.receive(`{"id":"1","type":"complete"}`)
}

func TestAnErrorDuringAStreamIsItsLastMessage(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("1", "subscription{ticks}")
	ticks <- "a"
	ticks <- "unavailable"
	c.receive(`{"id":"1","type":"next","payload":{"data":{"ticks":"a"}}}`)
	code, _ := c.receiveError("1")
	require.Equal(t, "UNAVAILABLE", code)
	c.quiet()
	c.send(`{"id":"1","type":"complete"}`) // which crossed the error
	c.quiet()
}

func TestNothingOfASubscriptionFollowsTheClientsComplete(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 1 << 30}) // a flood, from which nobody is cut off
	sent := make(chan int, 1)
	b.schema.Ticks = func(ctx context.Context) <-chan string {
		ticks := make(chan string)
		go func() {
			for n := 0; ; n++ {
				select {
				case ticks <- strings.Repeat("x", 1000):
				case <-ctx.Done():
					sent <- n
					return
				}
			}
		}()
		return ticks
	}
	c := b.ready()
	c.subscribe("1", "subscription{ticks}")
	_, err := c.read()
	require.NoError(t, err)
	c.send(`{"id":"1","type":"complete"}`)
	require.Positive(t, <-sent)
	c.send(`{"type":"ping"}`)
	for pong := false; !pong; { // what was on its way comes before
		raw, err := c.read()
		require.NoError(t, err)
		pong = raw == `{"type":"pong"}`
	}
	c.quiet()
}

func TestTooComplexRequestsAreErrorsOfTheirOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c := b.ready()
	c.subscribe("live", "subscription{ticks}")
	for _, payload := range []string{
		`{"query":"{name}","variables":{"v":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}}`,
		`{"query":"{name}","variables":{"v":[` + strings.Repeat("1,", 20_000) + `1]}}`,
		`{"query":"{` + strings.Repeat("x", 1<<20) + `}"}`,
	} {
		require.True(t, json.Valid([]byte(payload)))
		c.send(`{"id":"bad","type":"subscribe","payload":` + payload + `}`)
		code, _ := c.receiveError("bad")
		require.Equal(t, "QUERY_TOO_COMPLEX", code)
	}
	ticks <- "a"
	c.receive(`{"id":"live","type":"next","payload":{"data":{"ticks":"a"}}}`)
	c.send(`{"type":"ping","payload":{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}}`)
	c.closed(4400)
}

func TestASocketThatIsNotAdmittedCloses4510(t *testing.T) {
	t.Parallel()
	var open atomic.Int32
	b := authenticating(t, wsproto.Config{Admit: func(session context.Context) (func(), error) {
		if session.Value(viewerKey{}) == "Bearer many" {
			return nil, errors.New("too many")
		}
		open.Add(1)
		return func() { open.Add(-1) }, nil
	}})
	c := b.open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer many"}}`)
	require.Equal(t, "Too many open connections: try again later", c.closed(4510))
	c = b.open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer a"}}`)
	c.viewer("Bearer a")
	require.EqualValues(t, 1, open.Load())
	require.NoError(t, c.ws.Close())
	require.Eventually(t, func() bool { return open.Load() == 0 }, patience, time.Millisecond)
}

func TestOperationsThatAreNotAllowedAreErrors(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[error]
	b := setup(t, wsproto.Config{Allow: func(context.Context) error {
		if err := answer.Load(); err != nil {
			return *err
		}
		return nil
	}})
	c := b.ready()
	for want, err := range map[string]error{
		"RATE_LIMITED": &problem.Error{Code: problem.RateLimited, Message: "slow down", RetryAfter: time.Second},
		"INTERNAL":     errors.New("secret"),
	} {
		answer.Store(&err)
		c.subscribe("1", "{name}")
		code, message := c.receiveError("1")
		require.Equal(t, want, code)
		require.NotContains(t, message, "secret")
		c.quiet()
	}
	answer.Store(nil)
	c.subscribe("1", "{name}")
	c.receive(`{"id":"1","type":"next","payload":{"data":{"name":"test"}}}`)
}
