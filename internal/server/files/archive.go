package files

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

// maxSkipped is how many links that lead out are named in a header.
const maxSkipped = 20

// besides is how many bytes each file counts more when it is judged whether a client is
// too slow: small ones take the server its time too.
const besides = 4 << 10

// Archive sends all files of a commit, or of one of its folders, as they are read: one is
// in memory at a time. The same commit gives the same bytes, with the time of the commit.
// Links stay links; those that lead out of the project are left out, and the header
// Zeblit-Skipped-Links names them.
func (h *Handler) Archive(w http.ResponseWriter, r *http.Request) {
	if err := h.archive(w, r); err != nil {
		h.Refuse(w, r, err)
	}
}

// archiver writes files of an archive.
type archiver interface {
	add(path string, mode workspace.Mode, content []byte) error
	io.Closer
}

func (h *Handler) archive(w http.ResponseWriter, r *http.Request) error {
	r, err := h.enter(r)
	if err != nil {
		return err
	}
	query, project := r.URL.Query(), r.PathValue("project")
	format := query.Get("format")
	kind, known := map[string]string{"": "application/zip", "zip": "application/zip", "tar.gz": "application/gzip"}[format]
	if !known {
		return problem.BadField("format", "an archive is a zip or a tar.gz")
	}
	if format == "" {
		format = "zip"
	}
	snapshot, err := h.Workspace.Snapshot(r.Context(), project, query.Get("ref"), query.Get("path"))
	if err != nil {
		return err
	}
	tag, to := tagOf(snapshot.Commit+"."+format), w
	unchanged := r.Header.Get("If-None-Match") == tag
	if !unchanged && r.Method != http.MethodHead {
		largest, all, count, err := snapshot.Sizes()
		if err != nil {
			return err
		}
		leave, err := h.Room.Take(r.Context(), largest)
		if err != nil {
			return err
		}
		defer leave()
		to = h.Room.Writer(w, all+int64(count)*besides)
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Content-Disposition", `attachment; filename="`+project+"."+format+`"`)
	cached(header, tag)
	header.Set("Zeblit-Commit", snapshot.Commit)
	if len(snapshot.LeadOut) > 0 {
		header.Set("Zeblit-Skipped-Links", skipped(snapshot.LeadOut))
	}
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead {
		return nil
	}
	var out archiver
	if format == "zip" {
		out = &zipped{zip.NewWriter(to), snapshot.At}
	} else {
		out = newTarred(to, snapshot.At)
	}
	err = snapshot.Each(out.add)
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		if r.Context().Err() == nil {
			h.Logger.WarnContext(r.Context(), "an archive broke off", "project", project, "error", err)
		}
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	return nil
}

func skipped(paths []string) string {
	var out []string
	for _, path := range paths[:min(len(paths), maxSkipped)] {
		out = append(out, url.PathEscape(path))
	}
	if len(paths) > maxSkipped {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}

// zipped is a zip file.
type zipped struct {
	*zip.Writer
	at time.Time
}

func (z *zipped) add(path string, mode workspace.Mode, content []byte) error {
	header := &zip.FileHeader{Name: path, Method: zip.Deflate, Modified: z.at}
	header.SetMode(permissions(mode))
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func permissions(mode workspace.Mode) fs.FileMode {
	switch mode {
	case workspace.Executable:
		return 0o755
	case workspace.Symlink:
		return fs.ModeSymlink | 0o777
	}
	return 0o644
}

// tarred is a compressed tar file.
type tarred struct {
	compressed *gzip.Writer
	out        *tar.Writer
	at         time.Time
}

func newTarred(w io.Writer, at time.Time) *tarred {
	compressed := gzip.NewWriter(w)
	return &tarred{compressed, tar.NewWriter(compressed), at}
}

func (t *tarred) add(path string, mode workspace.Mode, content []byte) error {
	header := &tar.Header{
		Name: path, Typeflag: tar.TypeReg, Mode: int64(permissions(mode).Perm()), Size: int64(len(content)), ModTime: t.at, Format: tar.FormatPAX,
	}
	if mode == workspace.Symlink {
		header.Typeflag, header.Linkname, header.Size, content = tar.TypeSymlink, string(content), 0, nil
	}
	if err := t.out.WriteHeader(header); err != nil {
		return err
	}
	_, err := t.out.Write(content)
	return err
}

func (t *tarred) Close() error {
	if err := t.out.Close(); err != nil {
		return err
	}
	return t.compressed.Close()
}
