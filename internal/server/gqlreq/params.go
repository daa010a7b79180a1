package gqlreq

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/internal/problem"
)

// Decode reads request parameters, a JSON object with `query` (a string that is
// not empty, but see Complete), `variables`, `extensions` (objects or null) and
// `operationName` (a string or null). Names are matched exactly; others are ignored, as the
// specification reserves them. The error is for the client.
func Decode(raw []byte) (*graphql.RawParams, *problem.Error) {
	if !utf8.Valid(raw) {
		return nil, problem.New(problem.BadInput, "The request is not valid UTF-8")
	}
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return nil, problem.New(problem.BadInput, "Batches are not supported: send one request as a JSON object")
	}
	if complex := Measure(raw); complex != nil {
		return nil, complex
	}
	fields, ok := Members(raw)
	if !ok {
		return nil, notAnObject()
	}
	if len(fields["query"]) > maxQuery {
		return nil, &problem.Error{Code: problem.QueryTooComplex, Message: "The document is too long", Field: "query"}
	}
	for name, value := range fields {
		switch name {
		case "query", "operationName", "variables", "extensions": // are read below
		default:
			if !json.Valid(value) {
				return nil, notAnObject()
			}
		}
	}

	params := &graphql.RawParams{}
	var bad *problem.Error
	if params.Query, bad = text(fields, "query"); bad != nil {
		return nil, bad
	}
	if len(fields["operationName"]) > maxName {
		return nil, problem.BadField("operationName", "operationName is longer than %d bytes", maxName)
	}
	if params.OperationName, bad = text(fields, "operationName"); bad != nil {
		return nil, bad
	}
	if params.Variables, bad = Object("variables", fields["variables"]); bad != nil {
		return nil, bad
	}
	if params.Extensions, bad = Object("extensions", fields["extensions"]); bad != nil {
		return nil, bad
	}
	if bad = Complete(params); bad != nil {
		return nil, bad
	}
	return params, nil
}

// Complete says what is missing: `query` may be empty exactly where the
// extensions name a persisted one, whatever they say about it.
func Complete(params *graphql.RawParams) *problem.Error {
	if params.Query == "" && params.Extensions["persistedQuery"] == nil {
		return problem.BadField("query", "query is required")
	}
	return nil
}

// Object reads a parameter that must be a JSON object or null; nothing at all
// is null. name is the parameter's, for the error.
//
// Numbers become int64 where they are written as integers that fit, float64
// otherwise, exactly what literals in a query become: a scalar sees the same Go
// values either way, and an integer never passes for a string.
func Object(name string, raw []byte) (map[string]any, *problem.Error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if complex := Measure(raw); complex != nil {
		complex.Field = name
		return nil, complex
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || !atEnd(decoder) {
		return nil, problem.BadField(name, "%s must be a JSON object or null", name)
	}
	for key, value := range object {
		object[key] = plain(value)
	}
	return object, nil
}

// atEnd reports that nothing but space follows.
func atEnd(decoder *json.Decoder) bool {
	_, err := decoder.Token()
	return errors.Is(err, io.EOF)
}

func notAnObject() *problem.Error {
	return problem.New(problem.BadInput, "The request must be one JSON object")
}

func text(fields map[string]json.RawMessage, name string) (string, *problem.Error) {
	raw, present := fields[name]
	if !present || string(raw) == "null" {
		return "", nil
	}
	value, ok := unquote(raw)
	if !ok {
		return "", problem.BadField(name, "%s must be a string", name)
	}
	return value, nil
}

func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return n
		}
		if f, err := value.Float64(); err == nil {
			return f
		}
		// Beyond float64 (1e999): left as text, which no numeric scalar takes.
		return string(value)
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = plain(value[key])
		}
	}
	return value
}
