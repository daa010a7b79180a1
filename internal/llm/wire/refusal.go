// Package wire is what the vendors' HTTP APIs have in common: how a refusal is
// read and sorted, and how a connection that went silent is noticed. It knows no SDK.
package wire

import (
	"encoding/json"
	"net/http"
	"strconv"
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

// ReadRefusal reads an error body. Beside the vendors' {"error":{type,code,message}}
// it understands what compatible servers send: {"error":"…"}, {"message":"…"},
// {"detail":"…"} and plain text.
func ReadRefusal(status int, header http.Header, body []byte) Refusal {
	r := Refusal{Status: status, After: RetryAfter(header, time.Now())}
	type fields struct {
		Type    string          `json:"type"`
		Code    json.RawMessage `json:"code"` // a string, or a number
		Message string          `json:"message"`
	}
	var outer struct {
		fields
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	f := &outer.fields
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

func (r Refusal) kind() llm.Kind {
	switch {
	case r.Code == "insufficient_quota" || r.Type == "insufficient_quota" || r.Type == "billing_error":
		return llm.KindBadRequest // waiting does not pay the bill
	case r.Status == http.StatusRequestEntityTooLarge || r.Type == "request_too_large" || r.tooLarge():
		return llm.KindTooLarge
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		return llm.KindAuth
	case r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable || r.Status == 529:
		return llm.KindOverloaded
	case r.Status == http.StatusRequestTimeout || r.Status >= 500:
		return llm.KindUnavailable
	case r.Status >= 400:
		return llm.KindBadRequest
	}
	switch r.Type { // in a stream
	case "overloaded_error", "rate_limit_error", "rate_limit_exceeded", "tokens", "requests":
		return llm.KindOverloaded
	case "authentication_error", "permission_error":
		return llm.KindAuth
	case "invalid_request_error", "not_found_error":
		return llm.KindBadRequest
	}
	if r.Code == "rate_limit_exceeded" {
		return llm.KindOverloaded
	}
	return llm.KindUnavailable
}

func (r Refusal) tooLarge() bool {
	if r.Status != 0 && r.Status != http.StatusBadRequest && r.Status != http.StatusUnprocessableEntity {
		return false
	}
	if r.Code == "context_length_exceeded" || r.Type == "context_length_exceeded" || r.Type == "exceed_context_size_error" {
		return true
	}
	m := strings.ToLower(r.Message)
	for _, said := range []string{
		"prompt is too long", "maximum context length", "context_length_exceeded",
		"exceed context limit", "exceeds the available context size", "context window",
	} {
		if strings.Contains(m, said) {
			return true
		}
	}
	return false
}

// RetryAfter reads how long the vendor wants to be left alone: retry-after-ms, or
// retry-after in seconds or as a date. 0 when it says nothing sensible.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * 60 * 60
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 {
		return time.Duration(min(ms, most*1000) * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 {
		return time.Duration(min(s, most) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), most*time.Second)
	}
	return 0
}

// maxMessage bounds what is kept of a vendor's text.
const maxMessage = 1000

// Redact makes a vendor's text safe to show: the secrets and everything that looks
// like a key become "[key]", and it is valid UTF-8 of bounded length.
func Redact(message string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			message = strings.ReplaceAll(message, s, "[key]")
		}
	}
	message = strings.ToValidUTF8(message, "�")
	var b strings.Builder
	for {
		i := strings.Index(message, "sk-")
		if i < 0 {
			break
		}
		end := i + 3
		for end < len(message) && (message[end] == '-' || message[end] == '_' || message[end] == '*' || message[end] == '.' || isAlnum(message[end])) {
			end++
		}
		b.WriteString(message[:i])
		if end-i >= 12 && (i == 0 || !isAlnum(message[i-1])) {
			b.WriteString("[key]")
		} else {
			b.WriteString(message[i:end])
		}
		message = message[end:]
	}
	b.WriteString(message)
	if out := b.String(); len(out) <= maxMessage {
		return out
	}
	return strings.ToValidUTF8(b.String()[:maxMessage], "") + "…"
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
