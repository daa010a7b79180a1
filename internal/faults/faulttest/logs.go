package faulttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
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
			if strings.HasPrefix(raw, "fault: ") || strings.HasPrefix(raw, "zeblit: ") || strings.Contains(raw, "panic") {
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
			s += " (" + briefly(e) + ")"
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// mostOfExample bounds how much of an error is shown: there may be dozens.
const mostOfExample = 100

func briefly(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > mostOfExample {
		text = strings.ToValidUTF8(text[:mostOfExample], "") + "…"
	}
	return text
}

// hardest is the most often that one step was taken over, as the workers say. At ten its
// run has failed.
func hardest(in *Installation) (most int) {
	for _, slot := range in.working() {
		text, err := os.ReadFile(slot.logFile())
		if err != nil {
			continue
		}
		for _, found := range takeovers.FindAllSubmatch(text, -1) {
			n, _ := strconv.Atoi(string(found[1]))
			most = max(most, n)
		}
	}
	return most
}

var takeovers = regexp.MustCompile(`"msg":"a worker is silent; its run is taken over".*"takeovers":(\d+)`)

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
