package client_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/client"
)

// restartable is a server that can go away and come back at the same address.
type restartable struct {
	t       *testing.T
	addr    string
	handler http.HandlerFunc
	server  *http.Server
	done    chan struct{}
}

func (r *restartable) up() {
	r.t.Helper()
	addr := r.addr
	if addr == "" {
		addr = "127.0.0.3:0" // where nobody else asks for any port
	}
	listener, err := net.Listen("tcp", addr)
	require.NoError(r.t, err)
	r.addr, r.server, r.done = listener.Addr().String(), &http.Server{Handler: r.handler}, make(chan struct{}) //nolint:gosec // a test's server
	server, done := r.server, r.done
	go func() { defer close(done); _ = server.Serve(listener) }()
}

func (r *restartable) down() {
	_ = r.server.Close()
	<-r.done
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestARequestSurvivesARestart(t *testing.T) {
	var mu sync.Mutex
	var bodies []string
	fine := `{"data":{"sendMessage":{"message":{"conversation":{"id":"cnv_1"}},"run":{"id":"run_1"}}}}`
	r := &restartable{t: t, handler: func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(body))
		_, _ = io.WriteString(w, fine)
	}}
	r.up()
	var notices []string
	back := make(chan struct{})
	c, err := client.New(client.Options{URL: "http://" + r.addr, Notice: func(s string) {
		notices = append(notices, s)
		if s == client.ConnectionLost {
			close(back)
		}
	}})
	require.NoError(t, err)
	message := client.Message{ProjectID: "prj_1", Text: "hello"}
	_, err = c.Send(context.Background(), message)
	require.NoError(t, err)

	r.down()
	var group sync.WaitGroup
	group.Go(func() {
		<-back
		r.up()
	})
	sent, err := c.Send(context.Background(), message)
	group.Wait()
	defer r.down()
	require.NoError(t, err)
	require.Equal(t, "run_1", sent.Run.ID)
	require.Equal(t, []string{client.ConnectionLost, client.Resumed}, notices)
	require.NotEqual(t, bodies[0], bodies[1], "another message has another idempotency key")
}

func TestAServerThatStaysAwayIsGivenUp(t *testing.T) {
	r := &restartable{t: t, handler: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"viewer":{"id":"usr_1"}}}`)
	}}
	r.up()
	c, err := client.New(client.Options{URL: "http://" + r.addr, GiveUpAfter: 500 * time.Millisecond})
	require.NoError(t, err)
	user, err := c.Viewer(context.Background())
	require.NoError(t, err)
	require.Equal(t, "usr_1", user.ID)
	r.down()
	var unreachable *client.UnreachableError
	_, err = c.Viewer(context.Background())
	require.ErrorAs(t, err, &unreachable)
	require.Equal(t, 500*time.Millisecond, unreachable.After)
	require.ErrorContains(t, err, "has been away for 500ms")

	ctx, cancel := context.WithCancel(context.Background())
	c, err = client.New(client.Options{URL: "http://" + r.addr})
	require.NoError(t, err)
	_, err = c.Viewer(ctx)
	require.ErrorAs(t, err, &unreachable)
	require.Zero(t, unreachable.After, "one that never answered isn't waited for")
	cancel()
	_, err = c.Viewer(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestALimitIsWaitedFor(t *testing.T) {
	f := &fakeServer{answers: []string{
		`{"errors":[{"message":"too often","extensions":{"code":"RATE_LIMITED","retryAfter":1}}]}`,
		`{"data":{"viewer":null}}`,
		`{"errors":[{"message":"too often","extensions":{"code":"RATE_LIMITED","retryAfter":900}}]}`,
	}}
	c := start(t, f, client.Options{})
	user, err := c.Viewer(context.Background())
	require.NoError(t, err)
	require.Nil(t, user)
	_, err = c.Viewer(context.Background())
	require.True(t, client.IsCode(err, "RATE_LIMITED"), "%v", err)
}

func TestTheKeyFollowsNoRedirect(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	c, err := client.New(client.Options{URL: server.URL, Key: "key"})
	require.NoError(t, err)
	_, err = c.Viewer(context.Background())
	require.ErrorContains(t, err, "is no Zeblit server")
	require.False(t, asked)
}
