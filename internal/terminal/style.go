package terminal

import "os"

// Style colours text, or leaves it as it is. The zero value leaves it.
type Style struct{ on bool }

// NewStyle colours where terminal is true, unless NO_COLOR is set (no-color.org) or
// the terminal is too simple.
func NewStyle(terminal bool) Style {
	return Style{terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Bold, Dim, Red, Green and Yellow wrap a text in the sequences of that look.
func (s Style) Bold(text string) string   { return s.wrap("1", text) }
func (s Style) Dim(text string) string    { return s.wrap("2", text) }
func (s Style) Red(text string) string    { return s.wrap("31", text) }
func (s Style) Green(text string) string  { return s.wrap("32", text) }
func (s Style) Yellow(text string) string { return s.wrap("33", text) }

func (s Style) wrap(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
