package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	mrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// watcher is a subscriber that is cut now and then and goes on by its cursor, on one
// server or the other. It keeps a fingerprint of each event, in the order they came.
type watcher struct {
	project string

	mu       sync.Mutex
	seen     []uint64 // seen[i] is of event i+1
	problems []string
	doubled  int
	gaps     int
	resumed  int
}

func (w *watcher) follow(ctx context.Context, clients []*client.Client, server int) {
	after := client.Start
	for ctx.Err() == nil {
		cut, cancel := context.WithTimeout(ctx, time.Duration(500+mrand.IntN(4500))*time.Millisecond)
		err := clients[server%len(clients)].ProjectEvents(cut, w.project, after, func(e client.Event) error {
			after = e.Cursor
			w.take(e)
			return nil
		})
		cancel()
		if err != nil && cut.Err() == nil && !excusable(err) {
			w.problem("the subscription to %s ended: %v", w.project, err)
		}
		w.mu.Lock()
		w.resumed++
		w.mu.Unlock()
		server++
	}
}

func (w *watcher) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

func (w *watcher) take(e client.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch next := int64(len(w.seen)) + 1; {
	case e.Type == "StreamReset":
		w.problems = append(w.problems, "a StreamReset: "+e.Reason)
		return
	case e.Seq < next:
		w.doubled++
		return
	case e.Seq > next:
		w.gaps += int(e.Seq - next)
		for range e.Seq - next {
			w.seen = append(w.seen, 0)
		}
	}
	w.seen = append(w.seen, fingerprint(told(e.Raw)))
}

func (w *watcher) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(w.seen))
}

func fingerprint(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// told is what an event says, in words that can be compared with what the log says.
func told(raw json.RawMessage) string {
	var e struct {
		Type      string `json:"__typename"`
		Seq       int64
		At        time.Time
		MessageID string
		RunID     string
		Offset    int
		Text      string
		State     string
		Path      string
		Change    string
		Revision  string
		Message   struct{ ID, Role, Status, Text string }
		Run       struct{ ID, Error string }
		ToolCall  struct{ ID, Name, Input, Output, State string }
		Project   struct{ ID, Name, Description string }
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return err.Error()
	}
	head := fmt.Sprintf("%d %d %s ", e.Seq, e.At.UnixMicro(), upper(e.Type))
	switch e.Type {
	case "MessageAdded", "MessageCompleted":
		return head + fmt.Sprintf("%+q", []string{e.Message.ID, e.Message.Role, e.Message.Status, e.Message.Text})
	case "MessageDelta":
		return head + fmt.Sprintf("%+q %d", []string{e.MessageID, e.RunID, e.Text}, e.Offset)
	case "RunStateChanged":
		return head + fmt.Sprintf("%+q", []string{e.Run.ID, e.State, e.Run.Error})
	case "ToolCallStarted", "ToolCallFinished":
		c := e.ToolCall
		if e.Type == "ToolCallStarted" {
			c.Output = "" // not asked for
		}
		return head + fmt.Sprintf("%+q", []string{c.ID, c.Name, c.Input, c.Output, c.State})
	case "FileChanged":
		return head + fmt.Sprintf("%+q", []string{e.Path, e.Change, e.Revision})
	}
	return head
}

// upper turns MessageAdded into MESSAGE_ADDED.
func upper(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
