package wsproto_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/wsproto"
)

type viewerKey struct{}

// authenticating puts the credentials into the context, which `slow` answers.
func authenticating(t *testing.T, cfg wsproto.Config) *testBundle {
	t.Helper()
	cfg.Authenticate = func(ctx context.Context, authorization string) (context.Context, error) {
		switch authorization {
		case "Bearer bad":
			return nil, problem.New(problem.Unauthenticated, "bad token")
		case "Bearer broken":
			return nil, errors.New("the database system is starting up")
		case "Bearer down":
			return nil, problem.New(problem.Unavailable, "database is down")
		case "Bearer hang":
			<-ctx.Done()
			return nil, ctx.Err()
		case "Bearer panic":
			panic("secret")
		}
		return context.WithValue(ctx, viewerKey{}, authorization), nil
	}
	b := setup(t, cfg)
	b.schema.Slow = func(ctx context.Context) string { return ctx.Value(viewerKey{}).(string) }
	return b
}

func (c *client) viewer(want string) {
	c.t.Helper()
	c.receive(`{"type":"connection_ack"}`)
	c.subscribe("v", "{slow}")
	c.receive(`{"id":"v","type":"next","payload":{"data":{"slow":"` + want + `"}}}`)
	c.receive(`{"id":"v","type":"complete"}`)
}

func TestCredentialsComeFromInitOrTheUpgrade(t *testing.T) {
	t.Parallel()
	b := authenticating(t, wsproto.Config{})
	header := http.Header{"Authorization": {"Bearer upgrade"}}
	for _, test := range []struct {
		header        http.Header
		payload, want string
	}{
		{nil, `{}`, ""},
		{nil, `{"Authorization":"Bearer a"}`, "Bearer a"},
		{nil, `{"authorization":"Bearer a"}`, "Bearer a"},
		{header, `{"Authorization":"Bearer a"}`, "Bearer a"},
		{header, `{"Authorization":""}`, "Bearer upgrade"},
		{header, `null`, "Bearer upgrade"},
	} {
		c := b.dial(test.header, wsproto.Subprotocol)
		c.send(`{"type":"connection_init","payload":` + test.payload + `}`)
		c.viewer(test.want)
	}
}

func TestBadCredentialsClose4403(t *testing.T) {
	t.Parallel()
	c := authenticating(t, wsproto.Config{}).open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer bad"}}`)
	require.Equal(t, "Forbidden", c.closed(4403))
}

func TestUndecidedCredentialsClose4510(t *testing.T) {
	t.Parallel()
	b := authenticating(t, wsproto.Config{InitTimeout: 5 * time.Second})
	for _, token := range []string{"down", "broken", "hang"} {
		c := b.open()
		c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer ` + token + `"}}`)
		c.closed(4510)
	}
}

func TestAPanicInAuthenticateCloses1011(t *testing.T) {
	t.Parallel()
	c := authenticating(t, wsproto.Config{}).open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer panic"}}`)
	require.NotContains(t, c.closed(1011), "secret")
}

func TestExpiredCredentialsClose4403(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	b := authenticating(t, wsproto.Config{Credentials: credential.New(credential.Rules{
		Expiry: func(context.Context) time.Time { return time.Now().Add(time.Duration(left.Load())) },
	})})
	left.Store(int64(2 * time.Second))
	c := b.open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer a"}}`)
	c.receive(`{"type":"connection_ack"}`)
	c.closed(4403)

	left.Store(-1)
	c = b.open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer a"}}`)
	_, err := c.read()
	require.True(t, websocket.IsCloseError(err, 4403), "no ack comes first: %v", err)

	c = b.ready() // anonymous: nothing to expire
	c.quiet()
}

func TestRevokedCredentialsClose4403(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var answer atomic.Pointer[problem.Error]
	b := authenticating(t, wsproto.Config{Credentials: credential.New(credential.Rules{
		Interval: 5 * time.Millisecond,
		Revalidate: func(_ context.Context, holders []context.Context) []error {
			asked.Add(1)
			errs := make([]error, len(holders))
			if err := answer.Load(); err != nil {
				errs[0] = err
			}
			return errs
		},
	})})
	anonymous := b.ready()
	c := b.open()
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer a"}}`)
	c.viewer("Bearer a")
	answer.Store(problem.New(problem.Unavailable, "can't tell"))
	before := asked.Load()
	require.Eventually(t, func() bool { return asked.Load() > before+2 }, patience, time.Millisecond)
	c.quiet()
	answer.Store(problem.New(problem.Unauthenticated, "revoked"))
	c.closed(4403)
	anonymous.quiet()
}

func TestASilentClientIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{PingInterval: 10 * time.Millisecond, PongTimeout: 3 * time.Second})
	b.ticking()
	b.ready().subscribe("1", "subscription{ticks}")
	// A client that never reads never answers a ping, as behind a pulled cable.
	require.Eventually(t, func() bool { return b.handler.Connections() == 0 }, patience, time.Millisecond)
}

func TestAClientThatAnswersPingsStays(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{PingInterval: 10 * time.Millisecond, PongTimeout: patience})
	c := b.ready()
	pings := make(chan struct{}, 1000)
	reply := c.ws.PingHandler()
	c.ws.SetPingHandler(func(data string) error { pings <- struct{}{}; return reply(data) })
	go func() { // reads until the server shuts down
		for {
			if _, _, err := c.ws.ReadMessage(); err != nil {
				close(pings)
				return
			}
		}
	}()
	for range 5 {
		<-pings
	}
	require.Equal(t, 1, b.handler.Connections())
}

func TestAMessageThatNeverEndsIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{MessageTimeout: 100 * time.Millisecond})
	c := b.ready()
	w, err := c.ws.NextWriter(websocket.TextMessage)
	require.NoError(t, err)
	_, _ = w.Write(make([]byte, 64<<10)) // its first fragments; it may be broken off before the last of them
	require.Eventually(t, func() bool {
		_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)) // fails in the end
		return b.handler.Connections() == 0
	}, patience, time.Millisecond)
}

// What happened before comes as fast as the server reads it, which is faster than an
// ordinary link is.
func TestCatchingUpIsAsSlowAsTheClient(t *testing.T) {
	t.Parallel()
	const events = 1000
	b := setup(t, wsproto.Config{QueueBytes: 256 << 10, PingInterval: time.Hour})
	b.schema.Events = func(ctx context.Context, _ any) <-chan string {
		all := make(chan string)
		go func() {
			defer close(all)
			for range events {
				select {
				case all <- `{"text":"` + strings.Repeat("x", 32<<10) + `"}`:
				case <-ctx.Done():
					return
				}
			}
		}()
		return all
	}
	c := b.ready()
	c.subscribe("s", `subscription{events(after:"behind"){text}}`)
	time.Sleep(300 * time.Millisecond) // what it was sent fills all that there is on the way
	for range events {
		got, err := c.read()
		require.NoError(t, err)
		require.Contains(t, got, `"type":"next"`)
	}
	c.receive(`{"id":"s","type":"complete"}`)
}

func TestASlowReaderIsClosed4508(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 256 << 10})
	stopped := make(chan struct{})
	b.schema.Ticks = func(ctx context.Context) <-chan string {
		ticks := make(chan string)
		go func() {
			defer close(stopped)
			for {
				select {
				case ticks <- strings.Repeat("x", 32<<10):
				case <-ctx.Done():
					return
				}
			}
		}()
		return ticks
	}
	slow := b.ready()
	slow.subscribe("1", "subscription{ticks}")
	<-stopped // the producer was never blocked, only ended
	b.ready().quiet()
	require.Equal(t, "Slow consumer: resume from your cursor", slow.closed(4508))
}

func TestAClientThatNeverReadsAgainIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{QueueBytes: 64 << 10, WriteTimeout: time.Second})
	b.schema.Slow = func(context.Context) string { return strings.Repeat("x", 16<<20) }
	c := b.ready()
	c.subscribe("1", "{slow}")
	require.Eventually(t, func() bool { return b.handler.Connections() == 0 }, patience, time.Millisecond)
}

func TestTheEndOfTheSocketCancelsItsOperations(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	started, cancelled := make(chan struct{}, 2), make(chan struct{}, 2)
	b.schema.Ticks = func(ctx context.Context) <-chan string {
		started <- struct{}{}
		context.AfterFunc(ctx, func() { cancelled <- struct{}{} })
		return nil
	}
	for _, leave := range []func(*client){
		func(c *client) { require.NoError(t, c.ws.Close()) }, // without a close frame
		func(c *client) { c.send("nonsense"); c.closed(4400) },
	} {
		c := b.ready()
		c.subscribe("1", "subscription{ticks}")
		c.subscribe("2", "subscription{ticks}")
		<-started
		<-started
		leave(c)
		<-cancelled
		<-cancelled
	}
	require.Eventually(t, func() bool { return b.handler.Connections() == 0 }, patience, time.Millisecond)
}

func TestShutdownCloses1012AfterWhatIsQueued(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	ticks := b.ticking()
	c, uninitialised := b.ready(), b.open()
	c.subscribe("1", "subscription{ticks}")
	ticks <- "last"
	c.receive(`{"id":"1","type":"next","payload":{"data":{"ticks":"last"}}}`)

	down := make(chan error)
	go func() { down <- b.handler.Shutdown(t.Context()) }()
	c.closed(1012)
	uninitialised.closed(1012)
	require.NoError(t, <-down)
	require.Zero(t, b.handler.Connections())

	_, resp, err := websocket.DefaultDialer.Dial(b.url, nil)
	require.Error(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
}

func TestShutdownDoesNotWaitForeverForAnOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	entered, release := make(chan struct{}), make(chan struct{})
	b.schema.Slow = func(context.Context) string { close(entered); <-release; return "" }
	c := b.ready()
	c.subscribe("1", "{slow}")
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.handler.Shutdown(ctx), context.DeadlineExceeded)
	close(release)
}

func TestPlainRequestsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, wsproto.Config{})
	resp, err := http.Get("http" + strings.TrimPrefix(b.url, "ws")) //nolint:noctx // a test
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}
