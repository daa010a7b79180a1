package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

// ConsolePayload belongs to CONSOLE_OUTPUT: entries that an app has reported, in their
// order. Cleared says that all before them were removed. Once the entries themselves are
// removed the log doesn't have them either: see Log.Unsay.
type ConsolePayload struct {
	V       int                 `json:"v"`
	Entries []*ent.ConsoleEntry `json:"entries,omitempty"`
	Cleared bool                `json:"cleared,omitempty"`
	Actor   *Actor              `json:"actor,omitempty"`
}

// unsaid is a payload of which the entries were taken.
const unsaid = `{"v":1}`

// Unsay takes the entries out of a project's events CONSOLE_OUTPUT that are older than
// before. The events keep their place, so that the log has no gap.
func (l *Log) Unsay(ctx context.Context, tx *store.Tx, h access.StreamHandle, before time.Time) error {
	if h.Project() == "" || !h.CanWrite() {
		return errors.New("take entries out of events: the handle doesn't allow it")
	}
	// The type is no parameter, so that the index of these events alone is used.
	const query = "UPDATE events SET payload = $1 WHERE stream_id = $2 AND type = 'CONSOLE_OUTPUT' AND at < $3 AND payload <> $1"
	if _, err := tx.SQL.ExecContext(ctx, query, []byte(unsaid), h.Project(), before.UnixMicro()); err != nil {
		return fmt.Errorf("take entries out of the events of %s: %w", h.Project(), err)
	}
	return nil
}

// ConsoleDrafts divides entries among events, in their order, so that each event has the
// size that it may have. No entry may be too large for an event of its own.
func ConsoleDrafts(entries []*ent.ConsoleEntry, by *Actor) ([]Draft, error) {
	var drafts []Draft
	var part []*ent.ConsoleEntry
	room := 0
	flush := func() {
		if len(part) > 0 {
			drafts = append(drafts, Draft{Type: enum.EventConsoleOutput, Payload: ConsolePayload{V: 1, Entries: part, Actor: by}})
		}
		part, room = nil, maxPayload-consoleFrame
	}
	flush()
	for _, e := range entries {
		raw, err := compactJSON(e)
		if err != nil {
			return nil, fmt.Errorf("encode an entry of the console: %w", err)
		}
		if len(raw)+1 > room {
			flush()
		}
		part, room = append(part, e), room-len(raw)-1
	}
	flush()
	return drafts, nil
}

// consoleFrame is what stands around an event's entries, in bytes.
const consoleFrame = 256
