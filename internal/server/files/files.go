// Package files serves a project's files as bytes: what GraphQL has no words for. Files
// are sent and had whole or in parts, and all of them as an archive. Who asks is said by
// a credential, or by a link that was signed for one file (filelink).
//
// What people have written is never a page of this server: browsers are told to save it,
// to guess no type, and to run nothing in it.
package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/filelink"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/room"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	// pause is how long the other side may let us wait for the next bytes.
	pause = 30 * time.Second
	// uploadTime is how long one upload may take.
	uploadTime = 10 * time.Minute
	// receiving is how many bytes of uploads are in memory at once, on one node; as many
	// requests wait for at most turn, and are then asked to come again.
	receiving = 2 * workspace.MaxFile
	turn      = 10 * time.Second
)

// ErrTooLarge says that a file is larger than the server takes.
var ErrTooLarge = problem.BadField("body", "a file can have %d bytes at most", workspace.MaxFile)

// Config is what a Handler works with.
type Config struct {
	Workspace *workspace.Workspace
	Links     *filelink.Links
	Logger    *slog.Logger
	// Room is for what clients take.
	Room *room.Room
	// Enter returns the request with its viewer, if its credentials hold.
	Enter func(*http.Request) (*http.Request, error)
	// Allow counts a request that came with a link.
	Allow func(context.Context) error
	// Refuse answers with an error.
	Refuse func(http.ResponseWriter, *http.Request, error)
}

// Handler serves files and archives.
type Handler struct {
	Config
	incoming *semaphore.Weighted
}

// New makes a Handler.
func New(c Config) *Handler { return &Handler{Config: c, incoming: semaphore.NewWeighted(receiving)} }

// Files sends and receives one file.
func (h *Handler) Files(w http.ResponseWriter, r *http.Request) {
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		err = h.download(w, r)
	case http.MethodPost:
		err = h.upload(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	}
	if err != nil {
		h.Refuse(w, r, err)
	}
}

// sent is where a file goes.
type sent struct {
	ctx context.Context
	workspace.UploadInput
}

// destination reads what is to be written where, from the link or from the request.
func (h *Handler) destination(r *http.Request) (*sent, error) {
	query, project := r.URL.Query(), r.PathValue("project")
	if token := query.Get("token"); token != "" {
		ctx, link, key, err := h.Links.OpenUpload(r.Context(), token)
		if err != nil {
			return nil, err
		}
		if link.ProjectID != project {
			return nil, problem.Missing("projectId", "project")
		}
		if path := query.Get("path"); path != "" && path != link.Path {
			return nil, problem.BadField("path", "this link is for another path")
		}
		if err := h.Allow(ctx); err != nil {
			return nil, err
		}
		return &sent{ctx, workspace.UploadInput{
			On: workspace.Branch{ProjectID: project, Name: link.Branch}, Path: link.Path, Mode: link.Mode, Base: link.Base,
			Message: link.Message, IdempotencyKey: key,
		}}, nil
	}
	r, err := h.enter(r)
	if err != nil {
		return nil, err
	}
	to := &sent{r.Context(), workspace.UploadInput{
		On: workspace.Branch{ProjectID: project, Name: query.Get("branch")}, Path: query.Get("path"),
		Message: query.Get("message"), IdempotencyKey: r.Header.Get("Idempotency-Key"),
	}}
	switch mode := query.Get("mode"); strings.ToUpper(mode) {
	case "":
	case "REGULAR":
		to.Mode = workspace.Regular
	case "EXECUTABLE":
		to.Mode = workspace.Executable
	default:
		return nil, problem.BadField("mode", "a file is sent as REGULAR or EXECUTABLE")
	}
	to.Base = base(r)
	return to, nil
}

// base is the revision that the file must have, as the query or HTTP's own headers say.
func base(r *http.Request) *string {
	if query := r.URL.Query(); query.Has("expectedRevision") {
		revision := query.Get("expectedRevision")
		return &revision
	}
	if r.Header.Get("If-None-Match") == "*" {
		nothing := ""
		return &nothing
	}
	if tag := r.Header.Get("If-Match"); tag != "" && tag != "*" {
		revision := strings.Trim(tag, `"`)
		return &revision
	}
	return nil
}

func (h *Handler) upload(w http.ResponseWriter, r *http.Request) error {
	to, err := h.destination(r)
	if err != nil {
		return err
	}
	if err := h.Workspace.MayWrite(to.ctx, to.On.ProjectID); err != nil {
		return err
	}
	if err := workspace.CheckPath(workspace.Normal(to.Path)); err != nil {
		return err
	}
	size := r.ContentLength
	if size > workspace.MaxFile {
		w.Header().Set("Connection", "close")
		return ErrTooLarge
	}
	if size < 0 {
		size = workspace.MaxFile
	}
	waiting, cancel := context.WithTimeout(to.ctx, turn)
	defer cancel()
	if err := h.incoming.Acquire(waiting, size); err != nil {
		return &problem.Error{Code: problem.Unavailable, RetryAfter: turn, Message: "too many files are being sent at the moment: try again"}
	}
	defer h.incoming.Release(size)
	if to.Content, err = receive(w, r); err != nil {
		return err
	}
	file, commit, err := h.Workspace.Upload(to.ctx, to.UploadInput)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("ETag", `"`+file.Revision+`"`)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client is gone
		"path": file.Path, "size": file.Size, "revision": file.Revision, "isBinary": file.IsBinary, "commit": commit,
	})
	return nil
}

// receive reads the body, which the declared length may be silent or wrong about.
func receive(w http.ResponseWriter, r *http.Request) (string, error) {
	var content strings.Builder
	if r.ContentLength > 0 {
		content.Grow(int(r.ContentLength))
	}
	body := http.MaxBytesReader(w, r.Body, workspace.MaxFile)
	control := http.NewResponseController(w)
	until := time.Now().Add(uploadTime)
	_ = control.SetWriteDeadline(until.Add(pause))
	for {
		next := time.Now().Add(pause)
		if next.After(until) {
			next = until
		}
		_ = control.SetReadDeadline(next)
		_, err := io.CopyN(&content, body, 256<<10)
		if errors.Is(err, io.EOF) {
			return content.String(), nil
		}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return "", ErrTooLarge
		}
		if err != nil {
			return "", problem.New(problem.BadInput, "the file did not come whole: send it again")
		}
	}
}

func (h *Handler) download(w http.ResponseWriter, r *http.Request) error {
	ctx, from, err := h.source(r)
	if err != nil {
		return err
	}
	found, err := h.Workspace.Find(ctx, from.ProjectID, from.Path, from.Ref)
	if err != nil {
		return err
	}
	if tag := tagOf(found.Revision); r.Header.Get("If-None-Match") == tag { // it is not read for that
		cached(w.Header(), tag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	size := int64(found.Size)
	leave, err := h.Room.Take(ctx, size)
	if err != nil {
		return err
	}
	defer leave()
	file, content, err := found.Read()
	if err != nil {
		return err
	}
	headers(w.Header(), r, file, content)
	http.ServeContent(h.Room.Writer(w, size), r, "", time.Time{}, bytes.NewReader(content))
	return nil
}

// enter is Enter for those who are somebody.
func (h *Handler) enter(r *http.Request) (*http.Request, error) {
	r, err := h.Enter(r)
	if err == nil {
		_, err = access.RequireViewer(r.Context())
	}
	return r, err
}

// source reads which file is wanted, from the link or from the request.
func (h *Handler) source(r *http.Request) (context.Context, *filelink.Download, error) {
	query, project := r.URL.Query(), r.PathValue("project")
	token := query.Get("token")
	if token == "" {
		r, err := h.enter(r)
		if err != nil {
			return nil, nil, err
		}
		return r.Context(), &filelink.Download{ProjectID: project, Path: query.Get("path"), Ref: query.Get("ref")}, nil
	}
	ctx, link, err := h.Links.OpenDownload(r.Context(), token)
	if err != nil {
		return nil, nil, err
	}
	if link.ProjectID != project {
		return nil, nil, problem.Missing("projectId", "project")
	}
	for name, bound := range map[string]string{"path": link.Path, "ref": link.Ref} {
		if given := query.Get(name); given != "" && given != bound {
			return nil, nil, problem.BadField(name, "this link is for another %s", name)
		}
	}
	return ctx, link, h.Allow(ctx)
}
