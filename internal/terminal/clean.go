// Package terminal shows what the API says to a person: the transcript of a run,
// tables, colours, and a prompt. It only renders and reads; who is asked for what is
// the commands' business.
//
// What models, tools and other people wrote passes through a Cleaner before it is
// printed, so that it can't steer the terminal.
package terminal

import (
	"strings"
	"unicode"
)

// Cleaner drops what would steer a terminal from a text that comes in pieces: escape
// sequences as a whole, other control characters, and those that turn the direction
// of the text. Line feeds and tabs stay. The zero value is ready.
type Cleaner struct{ state cleanState }

type cleanState int

const (
	plain      cleanState = iota
	escape                // after ESC
	twoPart               // after ESC and an intermediate: one more character
	sequence              // in a control sequence, up to its final character
	controlled            // in a control string, up to its terminator
	ending                // after an ESC in a control string
)

// Clean returns what of the next piece may be printed. A sequence that was begun in
// one piece is dropped to its end in the next; an endless one ends with the line.
func (c *Cleaner) Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if c.keep(r) {
			return r
		}
		return -1
	}, s)
}

func (c *Cleaner) keep(r rune) bool {
	if r == '\n' {
		c.state = plain
		return true
	}
	switch c.state {
	case escape:
		c.state = afterEscape(r)
		return false
	case twoPart:
		c.state = plain
		return false
	case sequence:
		if r >= 0x40 && r <= 0x7e {
			c.state = plain
		}
		return false
	case controlled:
		switch r {
		case 0x07, 0x9c:
			c.state = plain
		case 0x1b:
			c.state = ending
		}
		return false
	case ending:
		c.state = afterEscape(r)
		return false
	}
	switch r {
	case 0x1b:
		c.state = escape
		return false
	case 0x9b:
		c.state = sequence
		return false
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		c.state = controlled
		return false
	}
	return r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r)
}

func afterEscape(r rune) cleanState {
	switch {
	case r == '[':
		return sequence
	case strings.ContainsRune("PX]^_", r):
		return controlled
	case r == 0x1b:
		return escape
	case r >= 0x20 && r <= 0x2f:
		return twoPart
	}
	return plain
}

// Clean cleans a text that is whole.
func Clean(s string) string { return new(Cleaner).Clean(s) }

// CleanLine cleans what must stay in one line: line feeds and tabs become spaces.
func CleanLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(Clean(s))
}
