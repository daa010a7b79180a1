package gqlreq

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/problem"
)

// What a request may be made of. Reading JSON costs ten times what looking through
// it does, so these are found out first.
const (
	// maxDepth of objects and lists within each other.
	maxDepth = 100
	// maxValues are members and elements, of all objects and lists together.
	maxValues = 10_000
	// maxQuery is the longest `query`, in bytes as it was sent.
	maxQuery = 1 << 20
	// maxName is the longest `operationName`, in bytes as it was sent.
	maxName = 1 << 10
)

// Measure looks through what may be JSON, for too much of it.
func Measure(raw []byte) *problem.Error {
	depth, values := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = endOfString(raw, i)
		case '{', '[':
			depth++
			values++
			if depth > maxDepth {
				return problem.New(problem.QueryTooComplex, "The request is nested deeper than %d levels", maxDepth)
			}
		case '}', ']':
			depth--
		case ',':
			values++
		default:
			continue
		}
		if values > maxValues {
			return problem.New(problem.QueryTooComplex, "The request has more than %d values", maxValues)
		}
	}
	return nil
}

// endOfString returns where the string that begins at start has its last quote, or
// the last byte when it has none.
func endOfString(raw []byte, start int) int {
	for i := start + 1; i < len(raw); {
		next := bytes.IndexByte(raw[i:], '"')
		if next < 0 {
			break
		}
		i += next
		slashes := 0
		for raw[i-1-slashes] == '\\' { // ends at the first quote at the latest
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		i++
	}
	return len(raw) - 1
}

// Members splits an object. It does not look into the values: whoever uses one
// finds out whether it is JSON. It reports false when raw is not made as an object,
// and when it has a name twice, which readers understand differently.
func Members(raw []byte) (map[string]json.RawMessage, bool) {
	out := map[string]json.RawMessage{}
	i := space(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return nil, false
	}
	i = space(raw, i+1)
	if i < len(raw) && raw[i] == '}' {
		return out, space(raw, i+1) == len(raw)
	}
	for i < len(raw) && raw[i] == '"' {
		end := endOfString(raw, i)
		name, ok := unquote(raw[i : end+1])
		if i = space(raw, end+1); !ok || i == len(raw) || raw[i] != ':' {
			return nil, false
		}
		if _, twice := out[name]; twice {
			return nil, false
		}
		i = space(raw, i+1)
		end = endOfValue(raw, i)
		out[name] = bytes.TrimRight(raw[i:end], whitespace)
		if end == len(raw) {
			return nil, false
		}
		if raw[end] == '}' {
			return out, space(raw, end+1) == len(raw)
		}
		i = space(raw, end+1)
	}
	return nil, false
}

const whitespace = " \t\r\n"

func space(raw []byte, i int) int {
	return len(raw) - len(bytes.TrimLeft(raw[i:], whitespace))
}

// endOfValue returns where the comma or bracket after the value at i is, or the end.
func endOfValue(raw []byte, i int) int {
	for depth := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = endOfString(raw, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(raw)
}

// unquote reads a JSON string. encoding/json would look at each byte four times.
func unquote(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' || endOfString(raw, 0) != len(raw)-1 || raw[len(raw)-1] != '"' {
		return "", false
	}
	raw = raw[1 : len(raw)-1]
	if plainText(raw) == len(raw) {
		return string(raw), true
	}
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		n := plainText(raw)
		out = append(out, raw[:n]...)
		if raw = raw[n:]; len(raw) == 0 {
			break
		}
		r, n := escape(raw)
		if n == 0 {
			return "", false
		}
		out = utf8.AppendRune(out, r)
		raw = raw[n:]
	}
	return string(out), true
}

// plainText is how many bytes at the beginning mean themselves.
func plainText(raw []byte) int {
	for i, c := range raw {
		if c < ' ' || c == '\\' {
			return i
		}
	}
	return len(raw)
}

// escapes are what one character behind a backslash means; 0 is nothing.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads the one that raw begins with, and says how long it is; 0 when it is
// none. Half a surrogate pair means what it means to encoding/json: U+FFFD.
func escape(raw []byte) (rune, int) {
	if len(raw) < 2 || raw[0] != '\\' {
		return 0, 0
	}
	if c := escapes[raw[1]]; c != 0 {
		return rune(c), 2
	}
	r, ok := hexRune(raw)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if second, ok := hexRune(raw[6:]); ok {
			if whole := utf16.DecodeRune(r, second); whole != utf8.RuneError {
				return whole, 12
			}
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

func hexRune(raw []byte) (rune, bool) {
	var bytes [2]byte
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	if _, err := hex.Decode(bytes[:], raw[2:6]); err != nil {
		return 0, false
	}
	return rune(bytes[0])<<8 | rune(bytes[1]), true
}
