package preview

import (
	"bytes"
	"context"
	"net/http"
	"path"
	"strings"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/security"
)

// Page is the first page of a project's preview, as it is sent to the viewer in the context.
func (h *Handler) Page(ctx context.Context, projectID, ref string) (*security.Page, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	root, origin, err := h.Previews.Start(ctx, preview.LinkInput{ProjectID: projectID, Ref: ref})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin.String()+"/", nil)
	if err != nil {
		return nil, err
	}
	w := &kept{header: http.Header{}, status: http.StatusOK}
	h.headers(w.header)
	h.answer(ctx, w, r, &identity.PreviewGrant{ProjectID: projectID, Ref: ref, Root: root, UserID: viewer.UserID})
	return &security.Page{
		File: path.Join(root, "index.html"), Status: w.status, Header: w.header, Body: w.body.Bytes(),
		Secure: strings.EqualFold(origin.Scheme, "https"),
	}, nil
}

// kept is an answer that is looked at instead of being sent.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) { k.status = status }

func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }
