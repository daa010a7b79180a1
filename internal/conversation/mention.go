package conversation

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/agent"
)

// mentioned is the slug of the first agent that a text mentions, as in "@engineer, look";
// empty: it mentions none. What stands in code, is part of an address or of a name such as
// "@engineer/lib", or names nobody of the crew is plain text.
func mentioned(text string) string {
	for before := ' '; text != ""; {
		if n := codeAt(text); n > 0 {
			text, before = text[n:], '`'
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if r == '@' && !joins(before) {
			if slug := slugAt(text[size:]); slug != "" {
				return slug
			}
		}
		text, before = text[size:], r
	}
	return ""
}

// joins says whether an @ behind it belongs to something else.
func joins(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_@.-/", r)
}

// slugAt is the agent's slug at the start of rest, or empty.
func slugAt(rest string) string {
	name := rest
	end := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' })
	if end >= 0 {
		name, rest = rest[:end], rest[end:]
		next, _ := utf8.DecodeRuneInString(strings.TrimPrefix(rest, "."))
		if rest[0] == '/' || rest[0] == '@' || rest[0] == '.' && (unicode.IsLetter(next) || unicode.IsDigit(next)) {
			return ""
		}
	}
	name = strings.ToLower(name)
	for _, role := range agent.Roster() {
		if role.Slug == name {
			return name
		}
	}
	return ""
}

// codeAt is how many bytes of code begin the text: from a row of backticks to the next as
// long. 0: none do. A row that nothing closes stands for itself.
func codeAt(text string) int {
	row := len(text) - len(strings.TrimLeft(text, "`"))
	if row == 0 {
		return 0
	}
	for at := row; at < len(text); {
		next := strings.IndexByte(text[at:], '`')
		if next < 0 {
			break
		}
		at += next
		long := len(text[at:]) - len(strings.TrimLeft(text[at:], "`"))
		if at += long; long == row {
			return at
		}
	}
	return row
}
