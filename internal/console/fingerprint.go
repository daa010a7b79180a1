package console

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// frames is how many of a stack's tell errors apart: what stands below is the same loop
// of events for most.
const frames = 20

// fingerprint is equal for errors that are one. With a stack that is those of one kind
// (TypeError) which were thrown at one place on one way, whatever their words: they often
// name what differs. Without a stack it is those of the same words, but for numbers, ids
// and addresses in them.
//
// In a stack only functions, files and places count: not where the app was served from,
// so that a preview and a release are one; nor the hash that builds put into the names of
// files.
func fingerprint(text, stack string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(stack) {
		if frame := normalFrame(strings.TrimSpace(line)); frame != "" && n < frames {
			b.WriteString(frame + "\n")
			n++
		}
	}
	if n > 0 {
		b.WriteString(kind(text))
	} else {
		first, _, _ := strings.Cut(text, "\n")
		b.WriteString(varying.ReplaceAllString(first, "#"))
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:12])
}

var (
	// V8 writes "at f (https://host/app.js:1:2)", others "f@https://host/app.js:1:2".
	v8Frame    = regexp.MustCompile(`^at (?:(?:async )?(.*) \((.+):(\d+):(\d+)\)|(?:async )?(.+):(\d+):(\d+))$`)
	otherFrame = regexp.MustCompile(`^(.*?)@(.+):(\d+):(\d+)$`)
	server     = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[^/]*`)
	buildHash  = regexp.MustCompile(`[-.][A-Za-z0-9_-]{8,24}(\.[cm]?js)$`)
	errorKind  = regexp.MustCompile(`^(?:Uncaught )?(?:\(in promise\) )?([A-Z][A-Za-z]*(?:Error|Exception))\b`)
	varying    = regexp.MustCompile(`[a-z]+://\S+|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\b0x[0-9a-fA-F]+\b|\b[0-9a-f]*[0-9][0-9a-f]*\b|\d+`)
)

// normalFrame is what counts of a line of a stack; "" where it is none.
func normalFrame(line string) string {
	m := v8Frame.FindStringSubmatch(line)
	switch {
	case m == nil:
		if m = otherFrame.FindStringSubmatch(line); m == nil {
			return ""
		}
	case m[2] == "": // without a function
		m = []string{"", "", m[5], m[6], m[7]}
	}
	file := server.ReplaceAllString(m[2], "")
	file, _, _ = strings.Cut(file, "?")
	file = buildHash.ReplaceAllString(file, "$1")
	return m[1] + "@" + file + ":" + m[3] + ":" + m[4]
}

func kind(text string) string {
	if m := errorKind.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
