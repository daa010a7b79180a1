package llmtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// Fault is something that befalls a call, and how the call ends then. They are the
// same for all of the vendors' formats, or for those it names.
type Fault struct {
	Name   string // in words, for people
	Script Reply
	End    End
	Only   []Vendor    // nil: all
	Limits wire.Limits // of the provider, where they are what is tried

	asked    func(*llm.Request) // changes the request
	deserted bool               // nobody listens at the server's address
}

// End is how a call ends.
type End struct {
	Kind  llm.Kind       // of its error; empty: it succeeds
	Stop  llm.StopReason // when it succeeds
	Wait  time.Duration  // that the vendor wants
	Text  string         // that onText is given, in all
	Calls []string       // the tools called, with their input
}

// Faults are all that every provider is tried with.
func Faults() []Fault {
	return slices.Concat(refusals(), noAnswers(), streamErrors(), brokenStreams(), oddStreams(), oddAnswers())
}

// In reports whether the fault can befall a call of the vendor's format.
func (f Fault) In(vendor Vendor) bool { return f.Only == nil || slices.Contains(f.Only, vendor) }

// short limits end a call where the vendor's silence is tried. What else is waited for
// in such a trial comes at once, or never; a busy machine must not end it before.
const short = 6 * time.Second

func testFaults(t *testing.T, c conformance) {
	for _, f := range Faults() {
		if !f.In(c.vendor) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			srv := NewServer(t, f.Script)
			target := srv.Target()
			target.Limits = f.Limits
			if f.deserted {
				target.URL = "http://127.0.0.1:1" // where nobody listens, nor comes to
			}
			req := Ask("Hello")
			if f.asked != nil {
				f.asked(&req)
			}
			res, got, err := Collect(t.Context(), c.newProvider(target), req)
			f.check(t, req, res, got, err)
			require.LessOrEqual(t, len(srv.Requests()), 1, "trying again is the caller's")
		})
	}
}

func (f Fault) check(t *testing.T, req llm.Request, res llm.Response, got []string, err error) {
	t.Helper()
	text := strings.Join(got, "")
	require.Equal(t, len(f.End.Text), len(text), "no text is lost or doubled")
	require.True(t, f.End.Text == text, "the text is what was sent")
	require.True(t, text == res.Text, "the response has the text that was handed on")
	if f.End.Kind != "" {
		e := failed(t, err, f.End.Kind)
		require.Equal(t, f.End.Wait, e.RetryAfter)
		require.Empty(t, res.ToolCalls)
		require.Empty(t, res.StopReason)
		return
	}
	require.NoError(t, err)
	require.Equal(t, f.End.Stop, res.StopReason)
	seen := map[string]bool{"": true}
	for _, m := range req.Messages {
		for _, call := range m.ToolCalls {
			seen[call.ID] = true
		}
	}
	var calls []string
	for _, call := range res.ToolCalls {
		calls = append(calls, call.Name+string(call.Input))
		require.False(t, seen[call.ID], "ids are new to the transcript")
		seen[call.ID] = true
	}
	require.Equal(t, f.End.Calls, calls)
}

// Table is the faults in Markdown, for docs/models.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| what happens | the call ends with | again | its text |\n|---|---|---|---|\n")
	for _, f := range Faults() {
		b.WriteString("| " + f.Name + only(f.Only) + " | " + f.End.says() + " | " + f.End.again() + " | " + f.End.said() + " |\n")
	}
	return b.String()
}

func only(vendors []Vendor) string {
	if vendors == nil {
		return ""
	}
	names := map[Vendor]string{Anthropic: "Anthropic", OpenAI: "chat completions", OpenAIResponses: "Responses"}
	var out []string
	for _, v := range vendors {
		out = append(out, names[v])
	}
	return " (" + strings.Join(out, ", ") + ")"
}

func (e End) says() string {
	if e.Kind != "" {
		return "`" + string(e.Kind) + "`"
	}
	says := "an answer, `" + string(e.Stop) + "`"
	switch len(e.Calls) {
	case 0:
	case 1:
		says += ", 1 call"
	default:
		says += ", " + string(rune('0'+len(e.Calls))) + " calls"
	}
	return says
}

func (e End) again() string {
	switch {
	case e.Kind == "":
		return ""
	case !llm.Retryable(&llm.Error{Kind: e.Kind}):
		return "no"
	case e.Wait > 0:
		return "yes, after " + e.Wait.String()
	}
	return "yes"
}

func (e End) said() string {
	switch {
	case e.Text == "":
		return "none"
	case e.Kind != "":
		return "what came"
	}
	return "whole"
}
