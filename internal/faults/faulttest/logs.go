package faulttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// summary tells which warnings and errors a log has, each with one example.
func summary(text []byte) string {
	type line struct{ Level, Msg, Error string }
	counts, example := map[string]int{}, map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		raw := lines.Text()
		if json.Unmarshal([]byte(raw), &l) != nil {
			if strings.HasPrefix(raw, "fault: ") || strings.Contains(raw, "panic") {
				counts[raw]++
			}
			continue
		}
		if l.Level == "WARN" || l.Level == "ERROR" {
			counts[l.Msg]++
			if l.Error != "" {
				example[l.Msg] = l.Error
			}
		}
	}
	out := make([]string, 0, len(counts))
	for msg, n := range counts {
		s := fmt.Sprintf("%d × %s", n, msg)
		if e := example[msg]; e != "" {
			s += " (" + e + ")"
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// refused counts how often workers say that they lost a lease. It is told, not judged:
// what counts is that nothing of theirs was accepted.
func refused(in *Installation) (n int) {
	for _, slot := range in.working() {
		text, err := os.ReadFile(slot.logFile())
		if err == nil {
			n += bytes.Count(text, []byte(`"msg":"the lease was lost`))
		}
	}
	return n
}
