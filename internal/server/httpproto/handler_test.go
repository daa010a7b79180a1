package httpproto_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/httpproto"
	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/servertest"
)

const (
	grj   = "application/graphql-response+json"
	plain = "application/json"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type endpoint struct {
	t      *testing.T
	url    string
	schema *servertest.Schema
	client *http.Client
}

func setup(t *testing.T, extensions ...graphql.HandlerExtension) *endpoint {
	t.Helper()
	schema, exec := servertest.New()
	for _, extension := range extensions {
		exec.Use(extension)
	}
	server := httptest.NewServer(httpproto.New(exec, httpproto.Config{Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	return &endpoint{t, server.URL + "/graphql", schema, server.Client()}
}

type reply struct {
	status int
	header http.Header
	raw    string
	body   struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions map[string]any
		}
	}
}

func (e *endpoint) do(method, target, body string, header ...string) reply {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, target, strings.NewReader(body))
	require.NoError(e.t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	resp, err := e.client.Do(request)
	require.NoError(e.t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	require.NoError(e.t, resp.Body.Close())
	out := reply{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 {
		require.NoError(e.t, json.Unmarshal(raw, &out.body), out.raw)
	}
	return out
}

func (e *endpoint) post(accept, body string) reply {
	e.t.Helper()
	return e.do(http.MethodPost, e.url, body, "Content-Type", plain, "Accept", accept)
}

func (e *endpoint) get(accept string, values url.Values) reply {
	e.t.Helper()
	return e.do(http.MethodGet, e.url+"?"+values.Encode(), "", "Accept", accept)
}

func (r reply) refused(t *testing.T, status int, code problem.Code) {
	t.Helper()
	require.Equal(t, status, r.status, r.raw)
	require.NotContains(t, r.raw, `"data"`)
	require.NotEmpty(t, r.body.Errors)
	for _, err := range r.body.Errors {
		require.Equal(t, string(code), err.Extensions["code"])
		require.LessOrEqual(t, len([]rune(err.Message)), 300)
	}
}

func TestQueryByPostAndGet(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, media := range []string{grj, plain} {
		for _, got := range []reply{
			e.post(media, `{"query":"{name}"}`),
			e.get(media, url.Values{"query": {"{name}"}}),
			e.get(media, url.Values{"query": {"{name}"}, "variables": {""}, "operationName": {""}, "extensions": {"null"}}),
		} {
			require.Equal(t, 200, got.status)
			require.JSONEq(t, `{"data":{"name":"test"}}`, got.raw)
			require.Equal(t, media+"; charset=utf-8", got.header.Get("Content-Type"))
			require.Equal(t, "Accept", got.header.Get("Vary"))
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		}
	}
}

func TestVariablesByPostAndGet(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const query = `query A($input: EchoInput!) { echo(input: $input) } query B { name }`
	body, err := json.Marshal(map[string]any{"query": query, "operationName": "A", "variables": map[string]any{"input": map[string]any{"text": "é", "n": 1}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"data":{"echo":"é"}}`, e.post(plain, string(body)).raw)
	require.JSONEq(t, `{"data":{"echo":"é"}}`, e.get(plain, url.Values{
		"query": {query}, "operationName": {"A"}, "variables": {`{"input":{"text":"é"}}`}}).raw)
}

func TestRequestErrorsHaveTheStatusOfTheMediaType(t *testing.T) {
	t.Parallel()
	e := setup(t, limits.Limits{})
	for query, code := range map[string]problem.Code{
		`{"query":"{"}`: problem.GraphQLParseFailed,
		`{"query":"{` + strings.Repeat("x", 100_000) + `(}"}`:                                   problem.QueryTooComplex,
		`{"query":"{nothing}"}`:                                                                 problem.GraphQLValidateFail,
		`{"query":"#"}`:                                                                         problem.GraphQLValidateFail,
		`{"query":"{` + strings.Repeat("x", 100_000) + `}"}`:                                    problem.QueryTooComplex,
		`{"query":"{name(text:\"` + strings.Repeat("x", 100_000) + `\")}"}`:                     problem.GraphQLValidateFail,
		`{"query":"query A{name} query B{name}"}`:                                               problem.BadInput,
		`{"query":"query A{name}","operationName":"B"}`:                                         problem.BadInput,
		`{"query":"query($input: EchoInput!){echo(input:$input)}"}`:                             problem.BadInput,
		`{"query":"{` + strings.Repeat("name ", 5000) + `}"}`:                                   problem.QueryTooComplex,
		`{"query":"{` + strings.Repeat("tree{child", 1) + `{...A}}} fragment A on Tree{...A}"}`: problem.GraphQLValidateFail,
	} {
		e.post(grj, query).refused(t, 400, code)
		e.post(plain, query).refused(t, 200, code)
	}
}

func TestVariableErrorsNameTheField(t *testing.T) {
	t.Parallel()
	got := setup(t).post(grj, `{"query":"query($input: EchoInput!){echo(input:$input)}","variables":{"input":{"text":{}}}}`)
	got.refused(t, 400, problem.BadInput)
	require.Equal(t, "input.text", got.body.Errors[0].Extensions["field"])
	require.NotContains(t, got.raw, "map")
}

func TestMalformedRequestsAre400InBothMediaTypes(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, body := range []string{
		``, `{`, `null`, `"{name}"`, `{"query":"{name}"} {}`, "{\"query\":\"{name}\xff\"}",
		`[{"query":"{name}"}]`, `{}`, `{"query":""}`, `{"query":7}`,
		`{"query":"{name}","variables":[1]}`, `{"query":"{name}","variables":"{}"}`,
		`{"query":"{name}","operationName":{}}`, `{"query":"{name}","extensions":[]}`,
	} {
		for _, media := range []string{grj, plain} {
			got := e.post(media, body)
			got.refused(t, 400, problem.BadInput)
			require.NotContains(t, got.raw, "Go ")
			require.Equal(t, media+"; charset=utf-8", got.header.Get("Content-Type"))
		}
	}
	for _, values := range []url.Values{
		{}, {"query": {""}}, {"query": {"{name}", "{name}"}}, {"query": {"{name\xff}"}},
		{"query": {"{name}"}, "variables": {"[]"}}, {"query": {"{name}"}, "variables": {"{"}},
		{"query": {"{name}"}, "variables": {"{}{}"}}, {"query": {"{name}"}, "variables": {"{}]"}}, {"query": {"{name}"}, "extensions": {"1"}},
	} {
		e.get(plain, values).refused(t, 400, problem.BadInput)
	}
	e.do(http.MethodGet, e.url+"?query=%zz", "").refused(t, 400, problem.BadInput)
}

func TestExecutionErrorsStay200(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, media := range []string{grj, plain} {
		got := e.post(media, `{"query":"{broken}"}`)
		require.Equal(t, 200, got.status)
		require.JSONEq(t, `{"broken":null}`, string(got.body.Data))
		require.Equal(t, "UNAUTHENTICATED", got.body.Errors[0].Extensions["code"])
	}
}

func TestAcceptNegotiation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for accept, want := range map[string]string{
		"":                                 plain,
		"*/*":                              plain,
		"application/*":                    plain,
		"APPLICATION/JSON":                 plain,
		grj:                                grj,
		grj + ", " + plain + ";q=0.9":      grj,
		grj + ";q=0.5, " + plain:           plain,
		grj + ";q=0.5, */*":                plain,
		grj + ", */*;q=0.1":                grj,
		grj + "," + plain:                  grj,
		plain + "," + grj:                  plain,
		"*/*, " + plain + ";q=0":           grj,
		grj + "; charset=utf-8":            grj,
		grj + "; charset=latin1, " + plain: plain,
		"text/html, */*;q=0.8":             plain,
		"nonsense, " + grj:                 grj,
		grj + ", application/graphql+json, application/json, text/event-stream, multipart/mixed": grj,
		// none acceptable
		"text/html":             "",
		"text/event-stream":     "",
		"*/*;q=0":               "",
		plain + ";q=0":          "",
		plain + ";q=2":          "",
		"application/xml;q=0.9": "",
	} {
		got := e.post(accept, `{"query":"{name}"}`)
		if want == "" {
			got.refused(t, http.StatusNotAcceptable, problem.BadInput)
			continue
		}
		require.Equal(t, want+"; charset=utf-8", got.header.Get("Content-Type"), accept)
	}
}

func TestAcceptMayBeMissing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	got := e.do(http.MethodPost, e.url, `{"query":"{name}"}`, "Content-Type", "application/json; charset=UTF-8")
	require.Equal(t, 200, got.status)
	require.Equal(t, plain+"; charset=utf-8", got.header.Get("Content-Type"))
}

func TestOtherContentTypesAre415(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, header := range [][]string{
		nil, {"Content-Type", "text/plain"}, {"Content-Type", "application/graphql"}, {"Content-Type", "application/json; charset=latin1"},
		{"Content-Type", "multipart/form-data; boundary=x"}, {"Content-Type", "application/x-www-form-urlencoded"},
		{"Content-Type", "application/json", "Content-Encoding", "gzip"},
	} {
		e.do(http.MethodPost, e.url, `{"query":"{name}"}`, header...).refused(t, http.StatusUnsupportedMediaType, problem.BadInput)
	}
}

func TestOtherMethodsAre405(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead} {
		got := e.do(method, e.url, "")
		require.Equal(t, http.StatusMethodNotAllowed, got.status)
		require.Equal(t, "GET, POST", got.header.Get("Allow"))
	}
}

func TestMutationsNeedPost(t *testing.T) {
	t.Parallel()
	e := setup(t)
	renamed := false
	e.schema.Renamed = func() { renamed = true }
	got := e.get(plain, url.Values{"query": {"mutation{rename}"}})
	got.refused(t, http.StatusMethodNotAllowed, problem.BadInput)
	require.Equal(t, "POST", got.header.Get("Allow"))
	require.False(t, renamed)

	require.JSONEq(t, `{"data":{"rename":"new"}}`, e.post(plain, `{"query":"mutation{rename}"}`).raw)
	require.True(t, renamed)
}

func TestSubscriptionsAreSentElsewhere(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, got := range []reply{
		e.post(plain, `{"query":"subscription{ticks}"}`),
		e.post(grj, `{"query":"subscription{ticks}"}`),
		e.get(plain, url.Values{"query": {"subscription{ticks}"}}),
	} {
		got.refused(t, 400, problem.BadInput)
		require.Contains(t, got.body.Errors[0].Message, "WebSocket")
		require.Contains(t, got.body.Errors[0].Message, "text/event-stream")
	}
}

func TestTooLargeRequests(t *testing.T) {
	t.Parallel()
	e := setup(t)
	large := `{"query":"{name}","extensions":{"x":"` + strings.Repeat("x", 2<<20) + `"}}`
	e.post(plain, large).refused(t, http.StatusRequestEntityTooLarge, problem.BadInput)
	e.get(plain, url.Values{"query": {"{name}" + strings.Repeat(" ", 9000)}}).refused(t, http.StatusRequestURITooLong, problem.BadInput)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url, io.MultiReader(strings.NewReader(large))) // of unknown length
	require.NoError(t, err)
	request.Header.Set("Content-Type", plain)
	resp, err := e.client.Do(request)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestAPanicIsAReferenceOnly(t *testing.T) {
	t.Parallel()
	got := setup(t).post(grj, `{"query":"{panics}"}`)
	got.refused(t, 500, problem.Internal)
	require.NotContains(t, got.raw, "secret")
	require.NotEmpty(t, got.body.Errors[0].Extensions["reference"])
}

type refusing struct{ err error }

func (refusing) ExtensionName() string                   { return "Refusing" }
func (refusing) Validate(graphql.ExecutableSchema) error { return nil }
func (r refusing) InterceptOperation(context.Context, graphql.OperationHandler) graphql.ResponseHandler {
	var p *problem.Error
	if errors.As(r.err, &p) {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{gqlreq.Error(p)}})
	}
	return func(context.Context) *graphql.Response { return nil }
}

func TestInterceptorsThatRefuse(t *testing.T) {
	t.Parallel()
	for code, status := range map[problem.Code]int{problem.RateLimited: 429, problem.Unavailable: 503, problem.Forbidden: 400} {
		e := setup(t, refusing{problem.New(code, "no")})
		e.post(grj, `{"query":"{name}"}`).refused(t, status, code)
		e.post(plain, `{"query":"{name}"}`).refused(t, 200, code)
	}
	setup(t, refusing{}).post(grj, `{"query":"{name}"}`).refused(t, 503, problem.Unavailable)
}
