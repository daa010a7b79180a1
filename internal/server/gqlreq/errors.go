package gqlreq

import (
	"context"
	"crypto/rand"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// maxMessage is the longest message of a request error, in runes: the parser
	// quotes names and values of any length.
	maxMessage = 300
	// maxPath is the longest `field`, in runes: its last part may be a client's.
	maxPath = 120
	// maxErrors is how many errors of one request are told.
	maxErrors = 10
)

// Error makes the GraphQL error of p. It wraps p, so that an error presenter
// that looks for a problem finds it.
func Error(p *problem.Error) *gqlerror.Error {
	return &gqlerror.Error{Err: p, Message: p.Message, Extensions: p.Extensions()}
}

// Told is what a client hears of an error from outside the executor: a problem as
// it stands, anything else as a reference to the log.
func Told(ctx context.Context, logger *slog.Logger, err error) *gqlerror.Error {
	if p := problem.As(err); p != nil {
		return Error(p)
	}
	reference := rand.Text()[:12]
	logger.ErrorContext(ctx, "a request failed", "reference", reference, "error", err)
	return internal(reference)
}

func internal(reference string) *gqlerror.Error {
	told := Error(problem.New(problem.Internal, "Internal error"))
	told.Extensions["reference"] = reference
	return told
}

// RequestErrors turns what CreateOperationContext returned into what the client
// is told: at most ten errors, short, each with a code of the API. Errors about
// variables become BAD_USER_INPUT with the variable's path as `field`.
func RequestErrors(list gqlerror.List) gqlerror.List {
	out := make(gqlerror.List, 0, min(len(list), maxErrors))
	for _, err := range list[:min(len(list), maxErrors)] {
		out = append(out, requestError(err))
	}
	return out
}

func requestError(err *gqlerror.Error) *gqlerror.Error {
	if p := problem.As(err); p != nil {
		told := Error(p)
		told.Locations = err.Locations
		return told
	}
	code, _ := err.Extensions["code"].(string)
	if code == "" {
		code = string(problem.GraphQLValidateFail)
	}
	p := &problem.Error{Code: problem.Code(code), Message: err.Message}
	switch {
	case isVariable(err.Path):
		p.Code = problem.BadInput
		p.Field = shorten(variablePath(err.Path[1:]), maxPath)
		p.Message = `Variable "$` + p.Field + `" ` + variableMessage(err.Message)
	case strings.HasPrefix(err.Message, "operation ") && strings.HasSuffix(err.Message, " not found"):
		p.Code, p.Field = problem.BadInput, "operationName"
		p.Message = "operationName must name one of the document's operations"
	}
	p.Message = shorten(p.Message, maxMessage)
	told := Error(p)
	told.Locations = err.Locations
	return told
}

// isVariable recognises the paths that the validator gives to variables.
func isVariable(path ast.Path) bool {
	return len(path) > 1 && path[0] == ast.PathName("variable")
}

func variablePath(path ast.Path) string {
	return strings.TrimPrefix(path.String(), ".")
}

// variableMessage says what the validator said without the words of its inside
// (it names Go kinds) and without the value.
func variableMessage(message string) string {
	switch {
	case message == "must be defined":
		return "is required"
	case message == "cannot be null":
		return message
	case message == "unknown field":
		return "is not a field of the input type"
	case message == "enums must be ints or strings":
		return "must be the name of an enum value"
	case strings.HasPrefix(message, "must be a "):
		name, _, _ := strings.Cut(strings.TrimPrefix(message, "must be a "), ",")
		return "must be an object of type " + name
	}
	for _, before := range []string{" is not a valid ", " as "} {
		if i := strings.LastIndex(message, before); i >= 0 {
			name, _, _ := strings.Cut(message[i+len(before):], ":")
			return "is not a valid " + name
		}
	}
	return "is not valid"
}

// Panicked logs a panic that escaped an operation, with a reference and the
// stack, and returns the error that tells the client the reference and no more.
// Call it in the deferred function that recovered.
func Panicked(ctx context.Context, logger *slog.Logger, recovered any) *gqlerror.Error {
	reference := rand.Text()[:12]
	logger.ErrorContext(ctx, "operation panicked",
		"reference", reference, "panic", recovered, "stack", string(debug.Stack()))
	return internal(reference)
}

func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	runes := 0
	for i := range text {
		if runes == limit-1 {
			return text[:i] + "…"
		}
		runes++
	}
	return text
}
