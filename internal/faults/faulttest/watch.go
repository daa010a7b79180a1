package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	mrand "math/rand/v2"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// followClient is a watcher with the client that the terminal uses.
func (l *Load) followClient(ctx context.Context, w *watcher) {
	for w.prepare(ctx, l) == nil {
		_, variables := w.subscribe()
		id, after := variables["id"].(string), variables["after"].(string)
		cut, cancel := context.WithCancel(ctx)
		stop := l.unlessCalm(moment(500*time.Millisecond, 5*time.Second), cancel)
		c := l.clients[mrand.IntN(len(l.clients))]
		events := c.ProjectEvents
		if w.sight.runs {
			events = c.RunEvents
		}
		err := events(cut, id, after, func(e client.Event) error {
			if w.take(e.Raw) {
				return client.ErrStop
			}
			return nil
		})
		if err != nil && cut.Err() == nil && !excusable(err) {
			w.closed(ending{problem: fmt.Sprintf("the subscription ended: %v", err)})
		}
		stop()
		cancel()
	}
}

func fingerprint(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// heard is an event as a client reads it.
type heard struct {
	Type      string `json:"__typename"`
	Cursor    string
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
	Reason    string
	Message   struct{ ID, Role, Status, Text string }
	Run       struct{ ID, Error string }
	ToolCall  struct{ ID, Name, Input, Output, State string }
}

func hear(raw json.RawMessage) (e heard, err error) {
	err = json.Unmarshal(raw, &e)
	return e, err
}

// told is what an event says, in words that can be compared with what the log says.
func (e heard) told() string {
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
