package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server"
)

// doors are the ways to send a request that has one result. Each returns a
// response of the specification.
func (b *testBundle) doors() map[string]func(request object) string {
	socket := b.socket("")
	get := func(request object) string {
		values := url.Values{}
		for name, value := range request {
			if text, ok := value.(string); ok {
				values.Set(name, text)
			} else {
				values.Set(name, jsonOf(b.t, value))
			}
		}
		return "/graphql?" + values.Encode()
	}
	return map[string]func(object) string{
		"POST":        func(request object) string { return b.post(request, "Accept", grj).raw },
		"GET":         func(request object) string { return b.do(http.MethodGet, get(request), "").raw },
		"WebSocket":   func(request object) string { return b.over(socket, request) },
		"SSE by POST": func(request object) string { return event(b.t, b.post(request, "Accept", events).raw) },
		"SSE by GET": func(request object) string {
			return event(b.t, b.do(http.MethodGet, get(request), "", "Accept", events).raw)
		},
	}
}

func TestAcceptChoosesTheTransport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for accept, want := range map[string]string{
		"":                          plain,
		"*/*":                       plain,
		plain:                       plain,
		grj:                         grj,
		events:                      events,
		"text/*":                    events,
		events + ";q=0.9, " + plain: plain,
		plain + ";q=0.9, " + events: events,
		events + ", */*;q=0.1":      events,
		"*/*, " + events + ";q=0":   plain,
		grj + ", " + plain + ", " + events + ", multipart/mixed": grj,
	} {
		for _, got := range []reply{
			b.post(object{"query": "{name}"}, "Accept", accept),
			b.do(http.MethodGet, "/graphql?query={name}", "", "Accept", accept),
		} {
			require.Equal(t, 200, got.status)
			require.Equal(t, want+"; charset=utf-8", got.header.Get("Content-Type"), accept)
			require.Equal(t, []string{"Accept"}, got.header.Values("Vary"))
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		}
	}
	require.Equal(t, http.StatusNotAcceptable, b.post(object{"query": "{name}"}, "Accept", "text/html").status)
}

func TestPersistedQueriesWorkThroughEveryDoor(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for name, send := range b.doors() {
		query := "{name}# " + name
		sum := sha256.Sum256([]byte(query))
		extensions := object{"persistedQuery": object{"version": 1, "sha256Hash": hex.EncodeToString(sum[:])}}
		raw := send(object{"extensions": extensions})
		require.Equal(t, "PERSISTED_QUERY_NOT_FOUND", code(t, raw), name)
		require.Contains(t, raw, `"PersistedQueryNotFound"`)
		require.JSONEq(t, `{"data":{"name":"test"}}`, send(object{"query": query, "extensions": extensions}), name)
		require.JSONEq(t, `{"data":{"name":"test"}}`, send(object{"query": "", "extensions": extensions}), name)
		require.JSONEq(t, `{"data":{"name":"test"}}`, send(object{"extensions": extensions}), name)
		require.Equal(t, "BAD_USER_INPUT", code(t, send(object{"query": "{broken}", "extensions": extensions})), name)
	}
}

func TestIntrospectionIsASwitchForEveryDoor(t *testing.T) {
	t.Parallel()
	on, off := setup(t, nil), setup(t, func(o *server.Options) { o.Introspection = false })
	queries := []string{
		"{__schema{queryType{name}}}", `{__type(name:"Query"){name}}`, "{name ...F} fragment F on Query{...on Query{s:__schema{description}}}",
	}
	for name, send := range on.doors() {
		require.Empty(t, code(t, send(object{"query": queries[0]})), name)
		require.Contains(t, send(object{"query": "{nme}"}), "Did you mean", name)
	}
	for name, send := range off.doors() {
		for _, query := range queries {
			require.Equal(t, "FORBIDDEN", code(t, send(object{"query": query})), name)
		}
		require.Empty(t, code(t, send(object{"query": "{__typename name}"})), name)
		for _, query := range []string{"{nme}", "{tree{nme}}", "{tree{arg(m:1)}}", "{...on Tre{name}}", "{tree}", "query($a:EchoInpt){name}", `{echo(input:{txt:"a"})}`} {
			raw := send(object{"query": query})
			require.Equal(t, "GRAPHQL_VALIDATION_FAILED", code(t, raw), query)
			require.NotContains(t, strings.ToLower(raw), "did you mean", query)
		}
	}
	require.Equal(t, 200, on.do(http.MethodGet, "/schema.graphql", "").status)
	require.Equal(t, 404, off.do(http.MethodGet, "/schema.graphql", "").status)
}

func TestBatchesAndUploadsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, accept := range []string{plain, grj, events} {
		got := b.do(http.MethodPost, "/graphql", `[{"query":"{name}"},{"query":"{name}"}]`, "Content-Type", plain, "Accept", accept)
		require.Equal(t, 400, got.status)
		require.Equal(t, "BAD_USER_INPUT", code(t, got.raw))
		got = b.do(http.MethodPost, "/graphql", "--x--", "Content-Type", "multipart/form-data; boundary=x", "Accept", accept)
		require.Equal(t, http.StatusUnsupportedMediaType, got.status)
	}
}

func TestPeopleAreKnownThroughEveryDoor(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, accept := range []string{plain, grj, events} {
		got := b.post(object{"query": "{name}"}, "Accept", accept, "Authorization", "Bearer "+b.key)
		require.Equal(t, 200, got.status)
		got = b.post(object{"query": "{name}"}, "Accept", accept, "Authorization", "Bearer nonsense")
		require.Equal(t, 401, got.status)
		require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
		require.Equal(t, "UNAUTHENTICATED", code(t, got.raw))
	}
	require.Equal(t, grj+"; charset=utf-8", b.post(object{}, "Accept", grj, "Authorization", "x").header.Get("Content-Type"))
}

func TestClosingEndsSocketsAndStreams(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.schema.Ticks = func(context.Context) <-chan string { return nil }
	stream := b.start(http.MethodPost, "/graphql", strings.NewReader(`{"query":"subscription{ticks}"}`), "Content-Type", plain, "Accept", events) //nolint:bodyclose // start's cleanup does
	require.Equal(t, 200, stream.StatusCode)
	socket := b.socket(b.key)
	require.NoError(t, b.server.Shutdown(t.Context(), b.web))
	_, _, err := socket.ReadMessage()
	require.ErrorContains(t, err, "1012")
	raw := make([]byte, 100)
	n, _ := stream.Body.Read(raw)
	require.Equal(t, ": the server is going away\n\n", string(raw[:n]))
}

func TestAShutdownCutsOffARequestThatTakesTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	entered, left := make(chan struct{}), make(chan struct{})
	b.schema.Slow = func(ctx context.Context) string {
		close(entered)
		<-ctx.Done()
		close(left)
		return ""
	}
	cut := make(chan error, 1)
	go func() {
		resp, err := b.client.Post(b.url+"/graphql", "application/json", strings.NewReader(`{"query":"{slow}"}`)) //nolint:noctx // it is cut off
		if err == nil {
			err = errors.Join(errors.New("it was answered"), resp.Body.Close())
		}
		cut <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, b.server.Shutdown(ctx, b.web))
	<-left
	require.ErrorIs(t, <-cut, io.EOF)
}
