package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/problem"
)

// The doors by which apps report their consoles, from whatever origin they are served.
const (
	consolePath       = "/api/v1/console"
	consoleScriptPath = "/api/v1/console.js"
)

// maxReport bounds the body of a report, in bytes.
const maxReport = 1 << 20

// openToAll puts what lets pages of all origins use a path on the answer, if it is one of
// those, and answers preflights. No credentials go through: a page's key stands in the
// address, or in a header that the page sets itself.
func openToAll(w http.ResponseWriter, r *http.Request) (open, answered bool) {
	if r.URL.Path != consolePath && r.URL.Path != consoleScriptPath {
		return false, false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions {
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		return true, false
	}
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
	return true, true
}

// consoleScript is what pages include. It is the same for all keys: it reads its own from
// its address.
func (s *Server) consoleScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = io.WriteString(w, console.Script())
}

// report is the body of a report. What isn't named here is passed over, so that scripts
// of another version report too.
type report struct {
	Session string `json:"session"`
	Dropped int    `json:"dropped"`
	Entries []struct {
		Level    string `json:"level"`
		Text     string `json:"text"`
		Stack    string `json:"stack"`
		URL      string `json:"url"`
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		Count    int    `json:"count"`
		Uncaught bool   `json:"uncaught"`
	} `json:"entries"`
}

// reportConsole takes a report from whoever has a project's key for it: as `?key=…`, or
// as a bearer's. The body is JSON, whatever its type is said to be, since what a browser
// sends without a preflight is text.
func (s *Server) reportConsole(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	key := r.URL.Query().Get("key")
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && key == "" {
		key = token
	}
	var in report
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReport)).Decode(&in); err != nil {
		s.refuse(w, r, problem.BadField("entries", `send JSON of %d bytes at most, as {"entries": [{"level": "error", "text": "…", "stack": "…"}]}`, maxReport))
		return
	}
	out := console.Report{Session: in.Session, Dropped: in.Dropped, UserAgent: r.UserAgent()}
	for _, e := range in.Entries {
		out.Entries = append(out.Entries, console.Entry{
			Level: levelOf(e.Level), Text: e.Text, Stack: e.Stack, URL: e.URL,
			Line: e.Line, Column: e.Column, Count: e.Count, Uncaught: e.Uncaught,
		})
	}
	if _, err := s.options.Console.ReportWithKey(r.Context(), key, out); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func levelOf(word string) enum.ConsoleLevel {
	word = strings.ToUpper(word)
	if word == "WARNING" {
		return enum.ConsoleWarn
	}
	return enum.ConsoleLevel(word)
}
