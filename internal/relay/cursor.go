package relay

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/problem"
)

// cursorVersion goes up when older cursors would be misread.
const cursorVersion = 1

// maxCursor is far beyond the longest cursor that is given out.
const maxCursor = 4096

// position is what a list's cursor holds: where the object named id stands in
// the order of that name. Values are strings, whatever the column's type.
type position struct {
	order, value, id string
}

func (p position) cursor() string {
	raw, _ := json.Marshal([]any{cursorVersion, p.order, p.value, p.id}) // strings always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Cursor makes the opaque cursor of an object in a list that is not a table:
// order names the list's order, and id is what goes on from there.
func Cursor(order, id string) string { return position{order: order, id: id}.cursor() }

// ParseCursor gives back the id in a cursor that Cursor made for the same order,
// else BAD_USER_INPUT of the argument field. An empty cursor has an empty id.
func ParseCursor(order, cursor, field string) (id string, err error) {
	if cursor == "" {
		return "", nil
	}
	p, err := parsePosition(order, cursor, field)
	if err != nil {
		return "", err
	}
	return p.id, nil
}

func parsePosition(order, cursor, field string) (position, error) {
	wrong := problem.BadField(field, "this is no cursor of this list in this order")
	if len(cursor) > maxCursor {
		return position{}, wrong
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, wrong
	}
	var parts []any
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 4 || parts[0] != float64(cursorVersion) {
		return position{}, wrong
	}
	var text [3]string
	for i := range text {
		s, ok := parts[i+1].(string)
		if !ok || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return position{}, wrong
		}
		text[i] = s
	}
	if text[0] != order {
		return position{}, wrong
	}
	return position{text[0], text[1], text[2]}, nil
}
