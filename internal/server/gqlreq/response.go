package gqlreq

import (
	"bytes"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
)

// IsRequestError reports whether resp says that nothing was executed: it has no
// data, not even null.
func IsRequestError(resp *graphql.Response) bool { return resp.Data == nil && len(resp.Errors) > 0 }

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
	return bytes.ToValidUTF8(append(out, '}'), []byte("\uFFFD")), nil
}

func comma(out []byte) []byte {
	if len(out) > 1 {
		return append(out, ',')
	}
	return out
}
