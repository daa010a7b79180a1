// Package quoted marks, in what a model is told, the text of others: files, what commands
// print, what apps write to consoles. The text stands between two lines that bear the same
// number. The number is made of the text itself, so that nobody can write a text that has
// the line in it which would end it.
package quoted

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// What a quoted text is.
const (
	Data         = "data"
	Instructions = "instructions"
	// Words are what another agent says.
	Words = "words"
)

// digits is how long a number is. The marks must stay short: where the context window is
// full, long results are cut in the middle and keep some hundred bytes of either end.
const digits = 16

// Mark puts text between marks that say what it is and where it comes from. of is what
// the text belongs to, such as the id of a call: the same text has other marks elsewhere.
func Mark(what, from, of, text string) string {
	n := number(of, text)
	return fmt.Sprintf("[%s %s from %s]\n%s\n[end of %s %s]", what, n, from, text, what, n)
}

func number(of, text string) string {
	for seed := of; ; {
		sum := sha256.Sum256([]byte(seed + "\x00" + text))
		n := hex.EncodeToString(sum[:])[:digits]
		if !strings.Contains(text, n) {
			return n
		}
		seed += "\x00"
	}
}

// Text is what stands between the marks of what Mark has made, and what comes after them;
// of anything else it is all of it.
func Text(marked string) (text, after string) {
	head, rest, ok := strings.Cut(marked, "\n")
	if !ok || !strings.HasPrefix(head, "["+Data+" ") && !strings.HasPrefix(head, "["+Words+" ") {
		return marked, ""
	}
	words := strings.Fields(head)
	if len(words) < 3 {
		return marked, ""
	}
	text, after, ok = strings.Cut(rest, fmt.Sprintf("\n[end of %s %s]", words[0][1:], words[1]))
	if !ok {
		return marked, ""
	}
	return text, after
}
