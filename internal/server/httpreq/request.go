package httpreq

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// Limits bound what is read of a request. Zero fields mean the defaults.
type Limits struct {
	// BodyBytes of a POST, 2 MiB; more is answered 413.
	BodyBytes int64
	// URLBytes of path and query together, 8 KiB; more is answered 414.
	URLBytes int
}

const (
	defaultBodyBytes = 2 << 20
	defaultURLBytes  = 8 << 10
)

// bodies are read into what is used again: nothing that Decode returns is a part of
// its input. Larger ones than keptBytes are left to the collector.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBytes = 4 << 20

// Read takes the parameters from a POST or a GET, each of which must be of the
// right type, or says why they can't be had.
func (l Limits) Read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *Refusal) {
	if l.BodyBytes == 0 {
		l.BodyBytes = defaultBodyBytes
	}
	if l.URLBytes == 0 {
		l.URLBytes = defaultURLBytes
	}
	if len(r.URL.RequestURI()) > l.URLBytes {
		return nil, &Refusal{http.StatusRequestURITooLong, "",
			problem.New(problem.BadInput, "The URL is longer than %d bytes: send a POST", l.URLBytes)}
	}
	start := graphql.Now()
	var params *graphql.RawParams
	var refused *Refusal
	if r.Method == http.MethodPost {
		params, refused = readBody(w, r, l.BodyBytes)
	} else {
		params, refused = readURL(r)
	}
	if refused != nil {
		return nil, refused
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) (*graphql.RawParams, *Refusal) {
	if err := checkContentType(r.Header); err != nil {
		return nil, &Refusal{http.StatusUnsupportedMediaType, "", err}
	}
	tooLarge := &Refusal{http.StatusRequestEntityTooLarge, "",
		problem.New(problem.BadInput, "The body is larger than %d bytes", limit)}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body := bodies.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= keptBytes {
			body.Reset()
			bodies.Put(body)
		}
	}()
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, tooLarge
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, &Refusal{http.StatusRequestTimeout, "", problem.New(problem.BadInput, "The body took too long")}
		}
		return nil, &Refusal{http.StatusBadRequest, "", problem.New(problem.BadInput, "The body ended early")}
	}
	params, bad := gqlreq.Decode(body.Bytes())
	if bad != nil {
		return nil, &Refusal{http.StatusBadRequest, "", bad}
	}
	return params, nil
}

// checkContentType accepts JSON in UTF-8, unencoded. Anything else that a
// browser sends across origins without asking first is refused here.
func checkContentType(header http.Header) *problem.Error {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != MediaJSON || !charsetUTF8(parameters) {
		return problem.New(problem.BadInput, "Send Content-Type: application/json, in UTF-8")
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problem.New(problem.BadInput, "Send the body without a Content-Encoding")
	}
	return nil
}

func readURL(r *http.Request) (*graphql.RawParams, *Refusal) {
	bad := func(err *problem.Error) (*graphql.RawParams, *Refusal) {
		return nil, &Refusal{http.StatusBadRequest, "", err}
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return bad(problem.New(problem.BadInput, "The URL's query is malformed"))
	}
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		if len(values[name]) > 1 {
			return bad(problem.BadField(name, "%s is given more than once", name))
		}
		if !utf8.ValidString(values.Get(name)) {
			return bad(problem.BadField(name, "%s is not valid UTF-8", name))
		}
	}
	params := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	var wrong *problem.Error
	if params.Variables, wrong = gqlreq.Object("variables", []byte(values.Get("variables"))); wrong != nil {
		return bad(wrong)
	}
	if params.Extensions, wrong = gqlreq.Object("extensions", []byte(values.Get("extensions"))); wrong != nil {
		return bad(wrong)
	}
	if wrong = gqlreq.Complete(params); wrong != nil {
		return bad(wrong)
	}
	return params, nil
}
