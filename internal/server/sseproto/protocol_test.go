package sseproto_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/sseproto"
)

func TestASubscriptionStreamsInOrderAndCompletes(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	const query = "subscription{ticks}"
	for _, ask := range []func() *reply{
		func() *reply { return b.post(query) },
		func() *reply { return b.get(url.Values{"query": {query}}) },
	} {
		ticks := b.ticking()
		r := ask().streaming()
		ticks <- "a"
		r.next(`{"data":{"ticks":"a"}}`)
		ticks <- "line\nbreak"
		r.next(`{"data":{"ticks":"line\nbreak"}}`)
		close(ticks)
		r.completed()
	}
}

func TestTheHeadersComeBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.ticking()
	b.post("subscription{ticks}").streaming()
}

func TestQueriesAndMutationsAreOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	for _, r := range []*reply{b.post("{name}"), b.get(url.Values{"query": {"{name}"}})} {
		r.streaming().next(`{"data":{"name":"test"}}`)
		r.completed()
	}
	r := b.post("mutation{rename}").streaming()
	r.next(`{"data":{"rename":"new"}}`)
	r.completed()
}

func TestMutationsNeedPost(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.schema.Renamed = func() { t.Error("the mutation was executed") }
	r := b.get(url.Values{"query": {"mutation{rename}"}})
	r.refused(http.StatusMethodNotAllowed, "BAD_USER_INPUT")
	require.Equal(t, "POST", r.header.Get("Allow"))
}

func TestExecutionErrorsAreResults(t *testing.T) {
	t.Parallel()
	r := setup(t, sseproto.Config{}).post("{broken}").streaming()
	r.next(`{"data":{"broken":null},"errors":[{"message":"it broke","path":["broken"],"extensions":{"code":"UNAUTHENTICATED"}}]}`)
	r.completed()
}

// The protocol wants these within an accepted stream: EventSource would show
// nothing of a failed request.
func TestRequestErrorsAreOneEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	for query, want := range map[string]string{
		"{":         "GRAPHQL_PARSE_FAILED",
		"{nothing}": "GRAPHQL_VALIDATION_FAILED",
		"{" + strings.Repeat("name ", 5000) + "}":       "QUERY_TOO_COMPLEX",
		"query($input: EchoInput!){echo(input:$input)}": "BAD_USER_INPUT",
		"query A{name} query B{name}":                   "BAD_USER_INPUT",
	} {
		r := b.post(query).streaming()
		code, _ := r.nextError()
		require.Equal(t, want, code, query)
		r.completed()
	}
	r := b.post("subscription{refused}").streaming()
	_, message := r.nextError()
	require.Equal(t, "not for you", message)
	r.completed()
}

func TestMalformedRequestsAreRefusedInJSON(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	for _, body := range []string{``, `{`, `[{"query":"{name}"}]`, `{}`, `{"query":"{name}","variables":[]}`} {
		b.do(http.MethodPost, b.url, body, "Content-Type", "application/json").refused(http.StatusBadRequest, "BAD_USER_INPUT")
	}
	b.get(url.Values{}).refused(http.StatusBadRequest, "BAD_USER_INPUT")
	b.do(http.MethodPost, b.url, `{"query":"{name}"}`, "Content-Type", "text/plain").refused(http.StatusUnsupportedMediaType, "BAD_USER_INPUT")
	b.post("{name}", "Accept", "application/json").refused(http.StatusNotAcceptable, "BAD_USER_INPUT")
	b.get(url.Values{"query": {strings.Repeat(" ", 9000)}}).refused(http.StatusRequestURITooLong, "BAD_USER_INPUT")
	b.post(strings.Repeat("x", 3<<20)).refused(http.StatusRequestEntityTooLarge, "BAD_USER_INPUT")
	r := b.do(http.MethodPut, b.url, "")
	r.refused(http.StatusMethodNotAllowed, "BAD_USER_INPUT")
	require.Equal(t, "GET, POST", r.header.Get("Allow"))
}

type refusing struct{ err *problem.Error }

func (refusing) ExtensionName() string                   { return "Refusing" }
func (refusing) Validate(graphql.ExecutableSchema) error { return nil }
func (r refusing) MutateOperationContext(context.Context, *graphql.OperationContext) *gqlerror.Error {
	return gqlreq.Error(r.err)
}

func TestWhatMayBeRepeatedLaterIsAStatus(t *testing.T) {
	t.Parallel()
	for code, status := range map[problem.Code]int{problem.RateLimited: 429, problem.Unavailable: 503} {
		b := setup(t, sseproto.Config{}, refusing{&problem.Error{Code: code, Message: "no", RetryAfter: 1500 * time.Millisecond}})
		r := b.post("{name}")
		r.refused(status, string(code))
		require.Equal(t, "2", r.header.Get("Retry-After"))
	}
	b := setup(t, sseproto.Config{}, refusing{problem.New(problem.Forbidden, "no")})
	code, _ := b.post("{name}").streaming().nextError()
	require.Equal(t, "FORBIDDEN", code)
}

func TestAPanicIsAReferenceOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	for _, query := range []string{"{panics}", "subscription{panics}"} {
		r := b.post(query).streaming()
		code, message := r.nextError()
		require.Equal(t, "INTERNAL", code)
		require.NotContains(t, message, "secret")
		r.completed()
	}
}

func TestAPanicBeforeTheStreamIs500(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{Admit: func(context.Context) (func(), error) { panic("secret detail") }})
	require.NotContains(t, b.post("{name}").refused(http.StatusInternalServerError, "INTERNAL"), "secret")
}

func TestHeartbeatsAreComments(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{Heartbeat: 20 * time.Millisecond})
	ticks := b.ticking()
	r := b.post("subscription{ticks}").streaming()
	for begun := time.Now(); time.Since(begun) < 2*readTimeout; {
		require.Equal(t, ":\n", r.block())
	}
	close(ticks)
	for {
		if block := r.block(); block != ":\n" {
			require.Equal(t, "event: complete\ndata: \n", block)
			return
		}
	}
}
