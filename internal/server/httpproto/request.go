package httpproto

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// read takes the parameters from the request, each of which must be of the right
// type, or says why they can't be had.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	if len(r.URL.RequestURI()) > h.cfg.MaxURLBytes {
		return nil, &refusal{http.StatusRequestURITooLong, "",
			problem.New(problem.BadInput, "The URL is longer than %d bytes: send a POST", h.cfg.MaxURLBytes)}
	}
	read := h.readURL
	if r.Method == http.MethodPost {
		read = func(r *http.Request) (*graphql.RawParams, *refusal) { return h.readBody(w, r) }
	}
	start := graphql.Now()
	params, refused := read(r)
	if refused != nil {
		return nil, refused
	}
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

func (h *handler) readBody(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	if err := checkContentType(r.Header); err != nil {
		return nil, &refusal{http.StatusUnsupportedMediaType, "", err}
	}
	tooLarge := &refusal{http.StatusRequestEntityTooLarge, "",
		problem.New(problem.BadInput, "The body is larger than %d bytes", h.cfg.MaxBodyBytes)}
	if r.ContentLength > h.cfg.MaxBodyBytes {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.cfg.MaxBodyBytes))
	if err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, tooLarge
		}
		return nil, &refusal{http.StatusBadRequest, "", problem.New(problem.BadInput, "The body ended early")}
	}
	params, bad := gqlreq.Decode(body)
	if bad != nil {
		return nil, &refusal{http.StatusBadRequest, "", bad}
	}
	return params, nil
}

// checkContentType accepts JSON in UTF-8, unencoded. Anything else that a
// browser sends across origins without asking first is refused here.
func checkContentType(header http.Header) *problem.Error {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != mediaJSON || !charsetUTF8(parameters) {
		return problem.New(problem.BadInput, "Send Content-Type: application/json, in UTF-8")
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problem.New(problem.BadInput, "Send the body without a Content-Encoding")
	}
	return nil
}

func (h *handler) readURL(r *http.Request) (*graphql.RawParams, *refusal) {
	bad := func(err *problem.Error) (*graphql.RawParams, *refusal) {
		return nil, &refusal{http.StatusBadRequest, "", err}
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
	if params.Query == "" {
		return bad(problem.BadField("query", "query is required"))
	}
	var wrong *problem.Error
	if params.Variables, wrong = gqlreq.Object("variables", []byte(values.Get("variables"))); wrong != nil {
		return bad(wrong)
	}
	if params.Extensions, wrong = gqlreq.Object("extensions", []byte(values.Get("extensions"))); wrong != nil {
		return bad(wrong)
	}
	return params, nil
}
