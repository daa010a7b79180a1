package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/privacy"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Presenter says to clients what went wrong: a problem as it stands; what the
// viewer may not see as not found; everything else as a reference to the log.
func Presenter(logger *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		told := &gqlerror.Error{Err: err, Path: graphql.GetPath(ctx)}
		var whole *gqlerror.Error
		if errors.As(err, &whole) {
			told.Path, told.Locations = whole.Path, whole.Locations
		}
		p := problem.As(err)
		switch {
		case p != nil:
		case errors.Is(err, privacy.Deny) && access.ViewerFrom(ctx) == nil:
			_, err := access.RequireViewer(ctx)
			p = problem.As(err)
		case errors.Is(err, privacy.Deny), ent.IsNotFound(err):
			p = problem.Missing("", "object")
		case whole != nil && whole.Err == nil: // from gqlgen itself: about the request
			told.Message, told.Extensions = whole.Message, whole.Extensions
			return told
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			p = problem.New(problem.Unavailable, "the operation was cancelled before it was answered")
		case store.Unavailable(err):
			logger.WarnContext(ctx, "the database was not available to a field", "path", told.Path.String(), "error", err)
			p = problem.New(problem.Unavailable, "the database is not available at the moment: try again")
		case store.Unfit(err):
			p = problem.New(problem.BadInput, "no text can have a NUL character in it")
		default:
			return internal(ctx, logger, told, err)
		}
		field := p.Field
		if field == "" {
			field = argument(ctx, told)
		}
		told.Message, told.Extensions = p.Message, p.Extensions()
		if field != "" {
			told.Extensions["field"] = field
		}
		return told
	}
}

// argument is the path within the field's arguments of a value that could not be
// read, which is taken off told's own path.
func argument(ctx context.Context, told *gqlerror.Error) string {
	field := graphql.GetFieldContext(ctx)
	if field == nil {
		return ""
	}
	at := len(field.Path())
	if len(told.Path) <= at {
		return ""
	}
	var names []string
	for _, step := range told.Path[at:] {
		if name, ok := step.(ast.PathName); ok && (name != "input" || len(names) > 0) {
			names = append(names, string(name))
		}
	}
	told.Path = told.Path[:at]
	return strings.Join(names, ".")
}

// panicked is a panic that was logged under a reference.
type panicked struct{ reference string }

func (p panicked) Error() string { return "panic " + p.reference }

func internal(ctx context.Context, logger *slog.Logger, told *gqlerror.Error, err error) *gqlerror.Error {
	var logged panicked
	if !errors.As(err, &logged) {
		logged.reference = newReference()
		logger.ErrorContext(ctx, "a field failed", "reference", logged.reference, "path", told.Path.String(), "error", err)
	}
	told.Message = "internal error"
	told.Extensions = map[string]any{"code": string(problem.Internal), "reference": logged.reference}
	return told
}

// Recover logs a resolver's panic, and makes it an error that tells no more than
// the reference.
func Recover(logger *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, recovered any) error {
		reference := newReference()
		logger.ErrorContext(ctx, "a resolver panicked", "reference", reference,
			"path", graphql.GetPath(ctx).String(), "panic", fmt.Sprint(recovered), "stack", string(debug.Stack()))
		return panicked{reference}
	}
}

func newReference() string { return rand.Text()[:12] }
