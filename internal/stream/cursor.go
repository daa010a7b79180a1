package stream

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"

	"github.com/zeblit/zeblit/internal/problem"
)

// cursorStart stands before a project's first event.
const cursorStart = "start"

// cursorVersion is a cursor's first byte.
const cursorVersion = 1

// CursorAt is the cursor that stands behind event seq of the project. It is
// opaque to clients, and equal for equal arguments on every node for ever.
func CursorAt(projectID string, seq int64) string {
	raw := append([]byte{cursorVersion}, projectHash(projectID)...)
	raw = binary.AppendUvarint(raw, uint64(seq))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseCursor returns the number of the event that the cursor stands behind, 0
// for "start". What CursorAt hasn't made for this project is BAD_USER_INPUT.
func ParseCursor(projectID, cursor string) (int64, error) {
	if cursor == cursorStart {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < 6 || raw[0] != cursorVersion {
		return 0, badCursor()
	}
	seq, n := binary.Uvarint(raw[5:])
	if n <= 0 || seq > math.MaxInt64 {
		return 0, badCursor()
	}
	// One event has one cursor: other spellings of the same bytes, and cursors of
	// other projects, are not it.
	if CursorAt(projectID, int64(seq)) != cursor {
		return 0, badCursor()
	}
	return int64(seq), nil
}

func projectHash(projectID string) []byte {
	h := fnv.New32a()
	_, _ = h.Write([]byte(projectID))
	return h.Sum(nil)
}

func badCursor() error {
	return problem.BadField("after", "this is no cursor of the project: use one of its events', its headCursor, or \"start\"")
}
