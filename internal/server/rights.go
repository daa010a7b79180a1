package server

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// expiry is when the credentials of a socket or stream end.
func expiry(ctx context.Context) time.Time {
	if v := access.ViewerFrom(ctx); v != nil {
		return v.ExpiresAt
	}
	return time.Time{}
}

// credentialName is the same for what is revoked together.
func credentialName(ctx context.Context) string {
	v := access.ViewerFrom(ctx)
	switch {
	case v == nil:
		return "nobody"
	case v.SessionID != "":
		return "session " + v.SessionID + " " + v.UserID
	case v.KeyID != "":
		return "key " + v.KeyID + " " + v.UserID
	}
	return "user " + v.UserID
}

// revalidate asks whether the credentials of sockets and streams still hold. That the
// database does not answer says nothing about them.
func (s *Server) revalidate(ctx context.Context, holders []context.Context) []error {
	errs := make([]error, len(holders))
	viewers := make([]access.Viewer, len(holders))
	for i, holder := range holders {
		if v := access.ViewerFrom(holder); v != nil {
			viewers[i] = *v
		}
	}
	good, err := s.options.Identity.Good(ctx, viewers)
	for i := range errs {
		switch {
		case err != nil:
			errs[i] = problem.New(problem.Unavailable, "the credentials could not be checked")
		case !good[i]:
			errs[i] = problem.New(problem.Unauthenticated, "the credentials have ended")
		}
	}
	return errs
}

// mayRead says who may still read what they watch.
func (s *Server) mayRead(ctx context.Context, all []access.LogReader) (map[access.LogReader]bool, error) {
	return access.MayRead(ctx, s.options.DB.Ent, all)
}
