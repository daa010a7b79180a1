package faulttest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A task is what a message asks for. Everything about it follows from its number:
// what the model says and does, and the files in the end.

// answer is one answer of the model.
type answer struct {
	pieces []string
	calls  []call
}

func (a answer) text() string { return strings.Join(a.pieces, "") }

type call struct {
	tool  string
	input map[string]any
}

// The tools of package counting.
const (
	countOnce  = "count_once"
	countAgain = "count_again"
)

// note begins messages that no agent is asked to answer.
const note = "Nobody is asked."

var asked = regexp.MustCompile(`Task (\d+)\.`)

// taskText is a message that asks for task n. tag makes it unique.
func taskText(n int, tag string) string { return fmt.Sprintf("Task %d. (%s)", n, tag) }

// taskOf reads the number from a message, the last if there are several.
func taskOf(text string) (n int, ok bool) {
	all := asked.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(all[len(all)-1][1])
	return n, err == nil
}

func words(n, pieces int) []string {
	out := make([]string, pieces)
	for i := range out {
		out[i] = fmt.Sprintf("%d.%d 🚀é ", n, i)
	}
	return out
}

func write(path, text string) call {
	return call{"write_file", map[string]any{"path": path, "text": text}}
}

// A task's number says how long its first answer is: 40 pieces, and as many more for
// each thousand.
func length(n int) int { return 40 * (1 + n/1000) }

// answers are the model's, in order: with the counting tools, where it was given them.
func answers(n int, counting bool) []answer {
	dir := fmt.Sprintf("task-%03d", n)
	out := []answer{
		{words(n, length(n)), []call{write(dir+"/a.txt", fmt.Sprintf("task %d\nbefore\n", n))}},
		{words(n, 5), []call{write(dir+"/b.txt", strings.Repeat("b ", n%7+1)), write(dir+"/c/d.txt", "d\n")}},
	}
	if counting {
		out = append(out,
			answer{nil, []call{{countOnce, map[string]any{"note": dir}}}},
			answer{words(n, 3), []call{{countAgain, map[string]any{"note": dir}}}})
	}
	return append(out,
		answer{words(n, 4), []call{{"edit_file", map[string]any{"path": dir + "/a.txt", "old_text": "before", "new_text": "after"}}}},
		answer{append(words(n, 8), "done."), nil})
}

// files are the task's, with their text.
func files(n int) map[string]string {
	dir := fmt.Sprintf("task-%03d", n)
	return map[string]string{
		dir + "/a.txt":   fmt.Sprintf("task %d\nafter\n", n),
		dir + "/b.txt":   strings.Repeat("b ", n%7+1),
		dir + "/c/d.txt": "d\n",
	}
}

// same reports whether two JSON objects are equal, however written.
func same(input map[string]any, raw string) bool {
	var got map[string]any
	if json.Unmarshal([]byte(raw), &got) != nil {
		return false
	}
	a, _ := json.Marshal(input)
	b, _ := json.Marshal(got)
	return string(a) == string(b)
}
