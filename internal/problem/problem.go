// Package problem is the error model: an *Error is what a client did wrong, or
// must know, in words made for it. Every other error is internal: it is logged
// with a reference and shown as that reference only.
package problem

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Code is the stable `extensions.code` of a GraphQL error. Clients branch on it.
type Code string

// The codes of the API. The list is closed: clients hold a switch over it.
const (
	Unauthenticated     Code = "UNAUTHENTICATED"
	Forbidden           Code = "FORBIDDEN"
	NotFound            Code = "NOT_FOUND"
	BadInput            Code = "BAD_USER_INPUT"
	Conflict            Code = "CONFLICT"
	RateLimited         Code = "RATE_LIMITED"
	BudgetExceeded      Code = "BUDGET_EXCEEDED"
	QueryTooComplex     Code = "QUERY_TOO_COMPLEX"
	PreconditionFailed  Code = "PRECONDITION_FAILED"
	Unavailable         Code = "UNAVAILABLE"
	Internal            Code = "INTERNAL"
	GraphQLParseFailed  Code = "GRAPHQL_PARSE_FAILED"
	GraphQLValidateFail Code = "GRAPHQL_VALIDATION_FAILED"
	// PersistedNotFound asks the client to send the document along with its hash.
	PersistedNotFound Code = "PERSISTED_QUERY_NOT_FOUND"
)

// Error is shown to the client as it stands, so neither Message nor Field may
// repeat input at length or name anything of the inside.
type Error struct {
	Code    Code
	Message string
	// Field is the input field at fault, as a path from the mutation's input
	// ("text"), or the argument ("after"). Empty when no single one is.
	Field string
	// RetryAfter is when trying again makes sense; zero says nothing.
	RetryAfter time.Duration
	// Reference finds an Internal error in the log.
	Reference string
	// Sides are what was expected of a file and what it is, where a Conflict is about one.
	Sides *Sides
}

// Sides are the two sides of a conflict over a file.
type Sides struct {
	Path string
	// Expected and Current are revisions; "" is no file.
	Expected, Current string
	// Text is the current text; nil when it is long, no text, or gone.
	Text *string
}

// Extensions are the error's `extensions` in GraphQL.
func (e *Error) Extensions() map[string]any {
	out := map[string]any{"code": string(e.Code)}
	if e.Field != "" {
		out["field"] = e.Field
	}
	if e.RetryAfter > 0 {
		out["retryAfter"] = int(math.Ceil(e.RetryAfter.Seconds()))
	}
	if e.Reference != "" {
		out["reference"] = e.Reference
	}
	if s := e.Sides; s != nil {
		out["conflict"] = map[string]any{
			"path": s.Path, "expectedRevision": s.Expected, "currentRevision": s.Current, "currentText": s.Text,
		}
	}
	return out
}

func (e *Error) Error() string { return e.Message }

// New makes an error of code with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// BadField says that one input field is wrong, and what would be right.
func BadField(field, format string, args ...any) *Error {
	return &Error{Code: BadInput, Message: fmt.Sprintf(format, args...), Field: field}
}

// Missing says that what was asked for does not exist, or not for this viewer:
// the two are never told apart. field may be empty.
func Missing(field, what string) *Error {
	return &Error{Code: NotFound, Message: what + " not found", Field: field}
}

// As finds the *Error in err's chain, or nil when err is internal.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Is reports whether err is a problem of code.
func Is(err error, code Code) bool {
	e := As(err)
	return e != nil && e.Code == code
}
