package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/zeblit/zeblit/internal/llm"
)

// differ names the first thing in which two requests differ, and both values; it is
// empty where they ask for the same. The model is not looked at: it is what one replays
// without.
func differ(recorded, now llm.Request) string {
	if recorded.System != now.System {
		return textsDiffer("system", recorded.System, now.System)
	}
	for i := range max(len(recorded.Messages), len(now.Messages)) {
		where := fmt.Sprintf("messages[%d]", i)
		if i >= len(recorded.Messages) || i >= len(now.Messages) {
			return fmt.Sprintf("there were %d messages, now there are %d", len(recorded.Messages), len(now.Messages))
		}
		if what := messagesDiffer(where, recorded.Messages[i], now.Messages[i]); what != "" {
			return what
		}
	}
	if what := jsonDiffers("tools", recorded.Tools, now.Tools); what != "" {
		return what
	}
	recorded.Model, recorded.System, recorded.Messages, recorded.Tools = "", "", nil, nil
	now.Model, now.System, now.Messages, now.Tools = "", "", nil, nil
	return jsonDiffers("settings", recorded, now)
}

func messagesDiffer(where string, a, b llm.Message) string {
	switch {
	case a.Role != b.Role:
		return textsDiffer(where+".role", string(a.Role), string(b.Role))
	case a.Text != b.Text:
		return textsDiffer(where+".text", a.Text, b.Text)
	}
	if what := jsonDiffers(where+".toolCalls", a.ToolCalls, b.ToolCalls); what != "" {
		return what
	}
	for i := range min(len(a.ToolResults), len(b.ToolResults)) {
		if x, y := a.ToolResults[i], b.ToolResults[i]; x.Text != y.Text {
			return textsDiffer(fmt.Sprintf("%s.toolResults[%d].text", where, i), x.Text, y.Text)
		}
	}
	return jsonDiffers(where+".toolResults", a.ToolResults, b.ToolResults)
}

// jsonDiffers compares values as they are written; an empty list is as good as none.
func jsonDiffers[T any](where string, a, b T) string {
	if v := reflect.ValueOf(a); v.Kind() == reflect.Slice && v.Len() == 0 && reflect.ValueOf(b).Len() == 0 {
		return ""
	}
	x, y := canonical(a), canonical(b)
	if bytes.Equal(x, y) {
		return ""
	}
	return textsDiffer(where, string(x), string(y))
}

// canonical is JSON with sorted names and no spaces.
func canonical(v any) []byte {
	raw, _ := json.Marshal(v)
	var any any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&any)
	raw, _ = json.Marshal(any)
	return raw
}

// shown is how much of a text is shown on either side of the first difference.
const shown = 60

func textsDiffer(where, a, b string) string {
	x, y := []rune(a), []rune(b)
	at := 0
	for at < len(x) && at < len(y) && x[at] == y[at] {
		at++
	}
	excerpt := func(r []rune) string {
		from, to := max(at-shown/3, 0), min(at+shown, len(r))
		s := string(r[min(from, len(r)):to])
		if from > 0 {
			s = "…" + s
		}
		if to < len(r) {
			s += "…"
		}
		return s
	}
	return fmt.Sprintf("%s, character %d: was %q, is %q", where, at, excerpt(x), excerpt(y))
}
