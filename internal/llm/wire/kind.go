package wire

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

// kinds sorts the vendors' own names of failures, their types and codes.
var kinds = map[string]llm.Kind{
	// What waiting does not mend: the bill isn't paid, or the key isn't good.
	"insufficient_quota":         llm.KindAuth,
	"billing_error":              llm.KindAuth,
	"billing_not_active":         llm.KindAuth,
	"billing_hard_limit_reached": llm.KindAuth,
	"account_deactivated":        llm.KindAuth,
	"authentication_error":       llm.KindAuth,
	"permission_error":           llm.KindAuth,
	"invalid_api_key":            llm.KindAuth,

	"request_too_large":         llm.KindTooLarge,
	"context_length_exceeded":   llm.KindTooLarge,
	"exceed_context_size_error": llm.KindTooLarge,

	"overloaded_error":    llm.KindOverloaded,
	"rate_limit_error":    llm.KindOverloaded,
	"rate_limit_exceeded": llm.KindOverloaded,
	"tokens":              llm.KindOverloaded,
	"requests":            llm.KindOverloaded,
	"slow_down":           llm.KindOverloaded,

	"invalid_request_error": llm.KindBadRequest,
	"not_found_error":       llm.KindBadRequest,
	"invalid_prompt":        llm.KindBadRequest,
	"model_not_found":       llm.KindBadRequest,
}

// said are what vendors say only in words, in lower case.
var said = map[llm.Kind][]string{
	llm.KindAuth: {"credit balance is too low", "insufficient balance", "api key not valid"},
	llm.KindTooLarge: {
		"prompt is too long", "maximum context length", "context_length_exceeded", "exceed context limit",
		"exceeds the available context size", "context window", "request too large for",
	},
}

// kind sorts the refusal: by what the vendor calls it where that says more than the
// status, else by the status, which in a stream may be the code.
func (r Refusal) kind() llm.Kind {
	status := r.Status
	if n, err := strconv.Atoi(r.Code); err == nil && status == 0 {
		status = n
	}
	named := kinds[r.Code]
	if named == "" || named == llm.KindBadRequest && kinds[r.Type] != "" {
		named = kinds[r.Type]
	}
	switch {
	case named == llm.KindAuth, r.says(llm.KindAuth, status):
		return llm.KindAuth
	case named == llm.KindTooLarge, r.says(llm.KindTooLarge, status):
		return llm.KindTooLarge
	}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return llm.KindTooLarge
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden:
		return llm.KindAuth
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, status == 529:
		return llm.KindOverloaded
	case status == http.StatusRequestTimeout, status >= 500:
		return llm.KindUnavailable
	case status >= 400:
		return llm.KindBadRequest
	case named != "":
		return named
	}
	return llm.KindUnavailable
}

// says reports whether the message puts it in words, of a status that is for this.
func (r Refusal) says(kind llm.Kind, status int) bool {
	switch status {
	case 0, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
	default:
		return false
	}
	message := strings.ToLower(r.Message)
	for _, words := range said[kind] {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}
