package server

import (
	"net/http"

	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// metrics shows Options.Metrics to the installation's admins: it tells of everybody's
// work, in numbers.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.options.Metrics == nil {
		http.NotFound(w, r)
		return
	}
	r, err := s.enter(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx := r.Context()
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	admin, err := s.options.DB.Ent.User.Query().Where(user.ID(viewer.UserID), user.Admin(true)).Exist(ctx)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case !admin:
		s.refuse(w, r, problem.New(problem.Forbidden, "the metrics are for the installation's admins"))
	default:
		s.options.Metrics.ServeHTTP(w, r)
	}
}
