// Package wire is what the vendors' HTTP APIs have in common: how a refusal is
// read and sorted, and how a connection that went silent is noticed. It knows no SDK.
package wire

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
)

// Refusal is a vendor's "no", from a response or from an error event in a stream.
type Refusal struct {
	Status  int // HTTP; 0 in a stream
	Type    string
	Code    string
	Message string
	After   time.Duration
}

// fields are what an error body says.
type fields struct {
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"` // a string, or a number
	Message string          `json:"message"`
	Details json.RawMessage `json:"details"`
}

// ReadRefusal reads an error body. Beside the vendors' {"error":{type,code,message}}
// it understands what compatible servers send: the same in a list, {"error":"…"},
// {"message":"…"}, {"detail":"…"} and plain text.
func ReadRefusal(status int, header http.Header, body []byte) Refusal {
	r := Refusal{Status: status}
	var outer struct {
		fields
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	f := &outer.fields
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	if json.Unmarshal(body, &outer) != nil {
		r.Message = string(body)
	} else if len(outer.Error) > 0 {
		var inner fields
		if json.Unmarshal(outer.Error, &inner) == nil {
			f = &inner
		} else {
			f = &fields{Message: text(outer.Error)}
		}
	} else if f.Message == "" && len(outer.Detail) > 0 {
		f.Message = text(outer.Detail)
	}
	r.Type = f.Type
	r.Code = text(f.Code)
	if f.Message != "" {
		r.Message = f.Message
	}
	r.After = wait(status, header, f.Details, time.Now())
	r.Message = strings.TrimSpace(r.Message)
	if r.Message == "" || strings.HasPrefix(r.Message, "<") { // a proxy's page says no more than its status
		r.Message = strings.TrimSpace(http.StatusText(status))
	}
	return r
}

// text is a JSON string's value, or the JSON itself.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// Error is the refusal in the engine's terms; secrets are kept out of its message.
func (r Refusal) Error(secrets ...string) *llm.Error {
	message := r.Message
	if message == "" {
		message = strings.TrimSpace(r.Type + " " + r.Code)
	}
	return &llm.Error{Kind: r.kind(), Status: r.Status, Message: Redact(message, secrets...), RetryAfter: r.After}
}
