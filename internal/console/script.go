package console

import (
	_ "embed"
	"strings"
)

//go:embed script.js
var source string

// Script is what a page includes, as a classic script before its own, to report what is
// written to its console, errors that nobody caught, promises that nobody looked after
// and files that could not be loaded:
//
//	<script src="https://zeblit.example.com/api/v1/console.js?key=zbc_…"></script>
//
// It finds in its own address where to report, and with which key.
func Script() string { return script }

var script = func() string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}()
