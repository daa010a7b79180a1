package server

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/clientaddr"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// around gives every answer its id and its security headers, handles CORS, notes
// the client's address, and writes the request to the log.
func (s *Server) around(next http.Handler) http.Handler {
	secure := s.securityHeaders()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := relay.NewID("req")
		h := w.Header()
		for _, header := range secure {
			h[header.name] = header.value
		}
		h.Set("X-Request-Id", id)
		next := next
		if s.preview.Serves(r) { // with other rules about everything
			h.Del("X-Frame-Options")
			next = s.preview
		} else if s.cors(w, r) {
			return
		}
		defer s.recovered(r)
		addr := clientaddr.Of(r, s.options.TrustedProxies)
		r = r.WithContext(clientaddr.With(r.Context(), addr))
		started := time.Now()
		next.ServeHTTP(w, r)
		s.options.Logger.LogAttrs(r.Context(), slog.LevelDebug, "request",
			slog.String("request", id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.String("address", addr.String()), slog.Duration("took", time.Since(started)))
	})
}

// recovered logs a panic that no transport has caught, and breaks the answer off.
// net/http would do so too, but where nobody looks.
func (s *Server) recovered(r *http.Request) {
	switch recovered := recover(); recovered { //nolint:errorlint // a recovered value is compared as net/http does
	case nil:
		return
	case http.ErrAbortHandler:
	default:
		_ = gqlreq.Panicked(r.Context(), s.options.Logger, recovered)
	}
	panic(http.ErrAbortHandler)
}

type header struct {
	name  string // as net/http writes it
	value []string
}

// securityHeaders are those of every answer. They let nothing happen; a page that
// needs more says so itself. The values are shared, so a handler must set and not
// add to them.
func (s *Server) securityHeaders() []header {
	headers := []header{
		{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		// No foreign page may embed an answer. Those that CORS allows read it all the same.
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Permissions-Policy", []string{permissions()}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"X-Frame-Options", []string{"DENY"}},
	}
	if strings.HasPrefix(s.options.PublicURL, "https://") {
		headers = append(headers, header{"Strict-Transport-Security", []string{"max-age=31536000"}})
	}
	return headers
}

// permissions denies the features of a browser that no page of ours needs.
func permissions() string {
	denied := []string{
		"accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media",
		"fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi",
		"payment", "picture-in-picture", "screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
	}
	return strings.Join(denied, "=(), ") + "=()"
}

// What pages of other origins may send and read, beyond what every page may: of GraphQL,
// of files and of archives.
const (
	allowedHeaders = "Authorization, Content-Type, Accept, Last-Event-ID, If-Match, If-None-Match, Range, Idempotency-Key"
	exposedHeaders = "Retry-After, X-Request-Id, ETag, Accept-Ranges, Content-Range, Content-Disposition, Zeblit-Commit, Zeblit-Skipped-Links"
)

// cors answers preflights and marks answers for the allowed origins. It reports
// whether the request is answered.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) bool {
	if len(s.options.AllowedOrigins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	if open, answered := openToAll(w, r); open {
		return answered
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	h := w.Header()
	if !s.allowedOrigin(origin) {
		if preflight && !ownOrigin(r) { // without a word about who is allowed what
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if !preflight {
		h.Set("Access-Control-Expose-Headers", exposedHeaders)
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", allowedHeaders)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// originAllowed accepts programs, which send no Origin, the server's own pages,
// and the origins of the configuration.
func (s *Server) originAllowed(r *http.Request) bool {
	return ownOrigin(r) || s.allowedOrigin(r.Header.Get("Origin"))
}

// allowedOrigin holds for those of the configuration; never for a preview's, whose pages
// are of people who have nothing to do with the viewer.
func (s *Server) allowedOrigin(origin string) bool {
	return slices.Contains(s.options.AllowedOrigins, origin) && !s.preview.IsOrigin(origin)
}

func ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host
}
