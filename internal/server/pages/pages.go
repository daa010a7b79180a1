// Package pages answers with what browsers show: the start page, the explorer, the
// approval of a device, and the files that they load.
//
// Every file was compressed when the pages were built and is sent as it lies in the
// program; only a client that takes no gzip costs a decompression, which is streamed.
// A closed list of pages and one folder of assets can be had: no path is looked up as
// it came, nothing is listed.
package pages

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// The assets' names hold a hash of their content, so they never change.
const (
	assetsPath = "/explorer/assets/"
	forever    = "public, max-age=31536000, immutable"
	askAgain   = "no-cache"
)

// types are those of the files that a build makes: the machine's own table of types
// differs from one to the next.
var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".map":   "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".ttf":   "font/ttf",
	".woff2": "font/woff2",
}

// page is one that a person goes to.
type page struct {
	file   string // without .gz
	policy string
}

type handler struct {
	assets  fs.FS
	version string
	pages   map[string]page
	tags    sync.Map // of the pages: file → ETag, made at the first request
}

// New makes the handler of everything that no other route takes. assets is the build
// (web.Assets); where it is empty, "/" has a page of its own and the others say what
// is missing, with 503.
func New(assets fs.FS, version string) http.Handler {
	return &handler{assets: assets, version: version, pages: map[string]page{
		"/":         {file: "explorer/start.html", policy: plainPolicy},
		"/explorer": {file: "explorer/explorer.html", policy: explorerPolicy},
		"/device":   {file: "explorer/device.html", policy: plainPolicy},
	}}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.URL.Path
	p, isPage := h.pages[target]
	name, isAsset := strings.CutPrefix(target, assetsPath)
	_, moved := h.pages[strings.TrimSuffix(target, "/")]
	switch {
	case !isPage && !moved && !isAsset:
		h.builtin(w, r, http.StatusNotFound, notFoundPage())
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		h.builtin(w, r, http.StatusMethodNotAllowed, builtin("Pages are only read", "<p>Use GET or HEAD.</p>"))
	case isPage:
		h.page(w, r, p)
	case moved:
		to := *r.URL
		to.Path, to.RawPath = strings.TrimSuffix(target, "/"), ""
		http.Redirect(w, r, to.RequestURI(), http.StatusPermanentRedirect)
	default:
		h.asset(w, r, name)
	}
}

func (h *handler) page(w http.ResponseWriter, r *http.Request, p page) {
	file, err := h.assets.Open(p.file + ".gz")
	if err != nil {
		if r.URL.Path == "/" {
			h.builtin(w, r, http.StatusOK, startPage(h.version))
			return
		}
		h.builtin(w, r, http.StatusServiceUnavailable, missingPage())
		return
	}
	defer func() { _ = file.Close() }() // read only
	tag, err := h.tag(p.file)
	if err != nil {
		h.builtin(w, r, http.StatusNotFound, notFoundPage())
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", p.policy)
	header.Set("Cache-Control", askAgain)
	send(w, r, file, types[".html"], tag)
}

// asset sends one file of the assets' folder, whose name says what is in it.
func (h *handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	kind := types[path.Ext(name)]
	if kind == "" || strings.ContainsAny(name, `/\`) || !fs.ValidPath(name) {
		h.builtin(w, r, http.StatusNotFound, notFoundPage())
		return
	}
	file, err := h.assets.Open("explorer/assets/" + name + ".gz")
	if err != nil {
		h.builtin(w, r, http.StatusNotFound, notFoundPage())
		return
	}
	defer func() { _ = file.Close() }() // read only
	w.Header().Set("Cache-Control", forever)
	// Workers take their policy from their own script.
	w.Header().Set("Content-Security-Policy", explorerPolicy)
	send(w, r, file, kind, strings.TrimSuffix(name, path.Ext(name)))
}

// send writes a gzip file as it is, or decompressed for a client that asks for that.
func send(w http.ResponseWriter, r *http.Request, file fs.File, kind, tag string) {
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Add("Vary", "Accept-Encoding")
	zipped := acceptsGzip(r.Header.Values("Accept-Encoding"))
	if zipped {
		tag += "-gz" // the two forms are different bytes
	}
	tag = `"` + tag + `"`
	header.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		header.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var body io.Reader = file
	if zipped {
		header.Set("Content-Encoding", "gzip")
		if info, err := file.Stat(); err == nil {
			header.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		}
	} else {
		plain, err := gzip.NewReader(file)
		if err != nil {
			http.Error(w, "the file is damaged", http.StatusInternalServerError)
			return
		}
		body = plain
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = io.Copy(w, body) // fails only when the client is gone
}

// tag names a page's content. It is made when first asked for: a start of the server
// reads no page.
func (h *handler) tag(file string) (string, error) {
	if tag, ok := h.tags.Load(file); ok {
		return tag.(string), nil
	}
	data, err := fs.ReadFile(h.assets, file+".gz")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	tag := hex.EncodeToString(sum[:12])
	h.tags.Store(file, tag)
	return tag, nil
}

// builtin answers with a page that is made here.
func (h *handler) builtin(w http.ResponseWriter, r *http.Request, status int, body string) {
	header := w.Header()
	header.Set("Content-Type", types[".html"])
	header.Set("Content-Security-Policy", builtinPolicy)
	header.Set("Cache-Control", askAgain)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // fails only when the client is gone
	}
}
