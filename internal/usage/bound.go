package usage

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/zeblit/zeblit/internal/llm"
)

// What vendors put around what they are sent, generously: the marks of a call, a message
// or a tool, and what they tell the model of how tools are used, which with Anthropic is
// some hundred tokens.
const (
	perCall    = 64
	perMessage = 32
	perTool    = 64
	withTools  = 2048
	// perImage is for the models that count most: some of OpenAI's small ones come to
	// 48,169 for one picture.
	perImage = 50_000
)

// Bound is the most tokens that a vendor can count as the input of a request. A token
// stands for one byte of text at least, so there are no more of them than bytes: of the
// text as a vendor may write it out before it is cut up, which is longer than ours where
// characters are taken apart or, in JSON, escaped.
func Bound(r llm.Request) int64 {
	n := int64(perCall) + plain(r.System)
	for _, m := range r.Messages {
		n += perMessage + plain(m.Text) + quoted(string(m.Carry)) + perImage*int64(len(m.Images))
		for _, c := range m.ToolCalls {
			n += perMessage + plain(c.ID) + plain(c.Name) + quoted(string(c.Input))
		}
		for _, t := range m.ToolResults {
			n += perMessage + plain(t.CallID) + quoted(t.Text)
		}
	}
	if len(r.Tools) > 0 {
		n += withTools
	}
	for _, t := range r.Tools {
		n += perTool + plain(t.Name) + plain(t.Description) + quoted(string(t.InputSchema))
	}
	return n
}

// plain is the most bytes of a text, as it is or with its characters taken apart (NFKD).
func plain(s string) int64 {
	return measure(s, func(byte) int64 { return 1 }, func(rune) int64 { return 0 })
}

// quoted is the most bytes of what may be written as JSON, or within it: with or without
// blanks, and with or without escapes.
func quoted(s string) int64 {
	return measure(s, func(c byte) int64 {
		switch {
		case c == '\n' || c == '\t' || c == '\r' || c == '"' || c == '\\' || c == ',' || c == ':':
			return 2
		case c < ' ' || c == 0x7f:
			return 6 // \u001f
		}
		return 1
	}, func(r rune) int64 {
		if r > 0xffff {
			return 12 // two of UTF-16
		}
		return 6
	})
}

func measure(s string, ascii func(byte) int64, escaped func(rune) int64) (n int64) {
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			n += ascii(s[i])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		apart := norm.NFKD.PropertiesString(s[i : i+size]).Decomposition()
		// What is no valid UTF-8 becomes U+FFFD, three bytes, wherever it is sent.
		n += max(int64(size), int64(len(apart)), escaped(r), int64(utf8.RuneLen(r)))
		i += size
	}
	return n
}
