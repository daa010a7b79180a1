// Package subject runs bench/server and talks to it: what it holds, and what it is to
// publish.
package subject

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/bench/internal/watch"
	"github.com/zeblit/zeblit/internal/stream"
)

// Query is what the watchers ask for: the events' own fields, as a client does that
// shows what a run says. Like all stock clients it asks for the types' names.
const Query = `subscription($id: ID!, $after: Cursor) {
  event: projectEvents(projectId: $id, after: $after) {
    __typename cursor seq at type
    ... on MessageDelta { messageId runId offset text }
    ... on RunStateChanged { state }
    ... on ToolCallOutput { text }
    ... on FileChanged { path change revision }
    ... on StreamReset { reason }
  }
}`

// Options of Start.
type Options struct {
	Program    string // from process.Build of ./bench/server
	Kind       string // zeblit, stock or raw
	Data       string // folder
	Database   string // PostgreSQL's URL, or SQLite
	Address    string // where to listen; anywhere otherwise
	Projects   int
	Backlog    int // events in each project before it listens
	SendBuffer int // of its connections
}

// Subject is a running server.
type Subject struct {
	*process.Process
	Address  string
	Control  string
	Key      string
	Projects []watch.Project
}

// Start runs a server until it is ready.
func Start(o Options) (*Subject, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	args := []string{"-kind", o.Kind, "-data", o.Data, "-database-url", o.Database, "-addr", o.Address,
		"-projects", strconv.Itoa(o.Projects), "-backlog", strconv.Itoa(o.Backlog), "-send-buffer", strconv.Itoa(o.SendBuffer)}
	p, err := process.Start("ready ", append(os.Environ(), "GOGC=", "GOMEMLIMIT=", "GODEBUG="), o.Program, args...)
	if err != nil {
		return nil, err
	}
	s := &Subject{Process: p}
	if err := json.Unmarshal([]byte(p.Said), s); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w: %q", err, p.Said)
	}
	for i := range s.Projects {
		if s.Key != "" { // raw keeps no log to go on in
			s.Projects[i].From = stream.CursorAt(s.Projects[i].ID, s.Projects[i].Head)
		}
	}
	return s, nil
}

// Held is what a server holds.
type Held struct{ Goroutines, Heap, Stacks int64 }

// Held asks the server; with collect it collects first what is garbage.
func (s *Subject) Held(collect bool) (h Held, err error) {
	url := "http://" + s.Control + "/stats"
	if collect {
		url += "?collect=1"
	}
	resp, err := http.Get(url)
	if err != nil {
		return h, err
	}
	defer func() { _ = resp.Body.Close() }()
	return h, json.NewDecoder(resp.Body).Decode(&h)
}

// Profile has the server's CPU profiled for that long into file, and returns the top of
// it: by what functions use with what they call, and by what they use themselves.
func (s *Subject) Profile(file string, d time.Duration) (string, error) {
	resp, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.Control, int(d.Seconds())))
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		return "", err
	}
	var report strings.Builder
	for _, order := range []string{"-cum", "-flat"} {
		out, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=60", order, file).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("pprof: %w: %s", err, out)
		}
		report.Write(bytes.TrimSpace(out))
		report.WriteString("\n\n")
	}
	return report.String(), nil
}

// Publication is the server making events.
type Publication struct {
	conn net.Conn
	err  error
}

// Publish begins. A batch is that many events, with texts of that size, in each
// project at once. With a pace they come by themselves, else as Credit says.
func (s *Subject) Publish(events, size int, pace time.Duration) (*Publication, error) {
	conn, err := net.Dial("tcp", s.Control)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "POST /publish?events=%d&size=%d&pace=%s HTTP/1.1\r\nHost: bench\r\n\r\n", events, size, pace)
	return &Publication{conn, err}, err
}

// Credit allows n more batches.
func (p *Publication) Credit(n int) {
	if _, err := p.conn.Write(bytes.Repeat([]byte{'c'}, n)); err != nil {
		p.err = err
	}
}

// patience is for batches that are under way.
const patience = 10 * time.Second

// End ends it and returns how many batches there were, and how long the server took to
// publish each.
func (p *Publication) End() (batches int64, each time.Duration, err error) {
	defer func() { _ = p.conn.Close() }()
	if _, err := p.conn.Write([]byte{'q'}); err != nil {
		return 0, 0, errors.Join(p.err, err)
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	answer, err := bufio.NewReader(p.conn).ReadString('\n')
	if err != nil {
		return 0, 0, errors.Join(p.err, fmt.Errorf("the publisher does not come to an end within %s: %w", patience, err))
	}
	var took int64
	if _, err := fmt.Sscanf(answer, "%d %d", &batches, &took); err != nil {
		return 0, 0, fmt.Errorf("the publisher says %q", answer)
	}
	return batches, time.Duration(took) * time.Microsecond / time.Duration(max(batches, 1)), p.err
}
