// Package approval serves the page behind a link of approvallink: what an agent wants to
// do, and two buttons. It needs no script, and looking at it changes nothing, so that
// programs which fetch what they find in messages answer no question.
package approval

import (
	"context"
	"net/http"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/approvallink"
	"github.com/zeblit/zeblit/internal/problem"
)

// maxForm bounds what the page sends, in bytes.
const maxForm = 16 << 10

// Handler serves the pages.
type Handler struct {
	Links *approvallink.Links
	// Allow counts a request of the viewer in the context, or of its address without one.
	Allow func(ctx context.Context) error
	// Failed notes a failure that is not the client's, and returns what to say of it.
	Failed func(r *http.Request, err error) *problem.Error
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Robots-Tag", "noindex")
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		header.Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if err := h.Allow(r.Context()); err != nil { // before the signature is looked at
		h.refuse(w, r, err)
		return
	}
	ctx, a, err := h.Links.Open(r.Context(), r.PathValue("token"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if r.Method == http.MethodPost {
		h.answer(ctx, w, r, a)
		return
	}
	by, err := h.Links.Asker(ctx, a)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	show(w, http.StatusOK, question{Approval: a, Agent: by.Name, Open: a.State == enum.ApprovalPending})
}

func (h *Handler) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, a *ent.Approval) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		h.refuse(w, r, problem.New(problem.BadInput, "this is no form of at most %d bytes", maxForm))
		return
	}
	decision := enum.ApprovalDecision(r.PostForm.Get("decision"))
	if decision != enum.Approve && decision != enum.Refuse {
		h.refuse(w, r, problem.BadField("decision", "the decision is APPROVE or DENY"))
		return
	}
	a, err := h.Links.Answer(ctx, a, decision, r.PostForm.Get("comment"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	by, err := h.Links.Asker(ctx, a)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	show(w, http.StatusOK, question{Approval: a, Agent: by.Name})
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.As(err)
	if p == nil {
		p = h.Failed(r, err)
	}
	status := http.StatusInternalServerError
	switch p.Code {
	case problem.Unauthenticated:
		status = http.StatusGone
	case problem.BadInput:
		status = http.StatusBadRequest
	case problem.Forbidden:
		status = http.StatusForbidden
	case problem.NotFound:
		status = http.StatusNotFound
	case problem.Conflict:
		status = http.StatusConflict
	case problem.RateLimited:
		status = http.StatusTooManyRequests
	case problem.Unavailable:
		status = http.StatusServiceUnavailable
	}
	show(w, status, question{Problem: strings.TrimSpace(p.Message + " " + p.Reference)})
}
