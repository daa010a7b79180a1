package gqlreq

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
)

// IsRequestError reports whether resp says that nothing was executed: it has no
// data, not even null.
func IsRequestError(resp *graphql.Response) bool { return resp.Data == nil && len(resp.Errors) > 0 }

// Passes reports whether an error says that it passes, as that the database is away
// does: an event is not told without what it would have said a moment later.
func Passes(errs gqlerror.List) bool {
	return slices.ContainsFunc(errs, func(err *gqlerror.Error) bool {
		code, _ := err.Extensions["code"].(string)
		return code == string(problem.Unavailable)
	})
}

// Encode writes a response as JSON. A request error gets no `data`. The data is
// copied as it stands, not marshalled again, so resp may be reused after; text
// that a resolver took from bytes which are not UTF-8 is repaired.
func Encode(resp *graphql.Response) ([]byte, error) {
	out := make([]byte, 0, len(resp.Data)+64)
	out = append(out, '{')
	if len(resp.Errors) > 0 {
		list, err := json.Marshal(resp.Errors)
		if err != nil {
			return nil, err
		}
		out = append(append(out, `"errors":`...), list...)
	}
	if !IsRequestError(resp) {
		data := []byte(resp.Data)
		if data == nil {
			data = []byte("null")
		}
		out = append(append(comma(out), `"data":`...), data...)
	}
	if len(resp.Extensions) > 0 {
		extensions, err := json.Marshal(resp.Extensions)
		if err != nil {
			return nil, err
		}
		out = append(append(comma(out), `"extensions":`...), extensions...)
	}
	out = append(out, '}')
	if utf8.Valid(out) {
		return out, nil
	}
	return bytes.ToValidUTF8(out, []byte("\uFFFD")), nil
}

// maxCursor is the longest cursor that is told, in bytes.
const maxCursor = 256

// Cursor is the `cursor` of the root field in a response's data, when it has one that
// fits in a line.
func Cursor(data []byte) string {
	var root map[string]json.RawMessage
	if json.Unmarshal(data, &root) != nil {
		return ""
	}
	for _, raw := range root {
		var fields struct {
			Cursor any `json:"cursor"`
		}
		if json.Unmarshal(raw, &fields) != nil {
			return ""
		}
		if cursor, ok := fields.Cursor.(string); ok && isLine(cursor) {
			return cursor
		}
	}
	return ""
}

// isLine keeps what would break a line out of it.
func isLine(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= maxCursor
}

func comma(out []byte) []byte {
	if len(out) > 1 {
		return append(out, ',')
	}
	return out
}
