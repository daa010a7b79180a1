package files

import (
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/zeblit/zeblit/internal/workspace"
)

// shown are the types that a browser may show in place of saving them: nothing in them
// runs.
var shown = map[string]bool{
	"text/plain; charset=utf-8": true, "image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "application/pdf": true,
}

// tagOf is the entity tag of a content.
func tagOf(revision string) string { return `"` + revision + `"` }

// cached are the headers of what is kept by whoever has it, and asked after each time.
func cached(header http.Header, tag string) {
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", tag)
}

func headers(header http.Header, r *http.Request, file *workspace.File, content []byte) {
	kind := typeOf(file, content)
	disposition := "attachment"
	if r.URL.Query().Get("disposition") == "inline" && shown[kind] {
		disposition = "inline"
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": path.Base(file.Path)}))
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	cached(header, tagOf(file.Revision))
}

// typeOf is a type that says nothing that could be run: text is plain text, whatever it
// is the source of.
func typeOf(file *workspace.File, content []byte) string {
	if !file.IsBinary {
		return "text/plain; charset=utf-8"
	}
	kind := http.DetectContentType(content)
	if shown[kind] || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/") {
		return kind
	}
	return "application/octet-stream"
}
