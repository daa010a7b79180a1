package run

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
)

// history makes the record of a run, an answer a step.
type history struct {
	messages []*ent.Message
	calls    map[string][]*ent.ToolCall
	given    []given
}

func (h history) clone() *history {
	h.messages, h.calls = slices.Clone(h.messages), maps.Clone(h.calls)
	return &h
}

func (h *history) says(text string, calls ...*ent.ToolCall) {
	if h.calls == nil {
		h.calls = map[string][]*ent.ToolCall{}
	}
	step := len(h.messages)
	at := time.Unix(int64(step)*10, 0)
	m := &ent.Message{ID: fmt.Sprint(step), Role: enum.RoleAssistant, Status: enum.MessageComplete, Step: step, Text: text, CreatedAt: at}
	for _, c := range calls {
		c.CreatedAt = at
	}
	h.messages, h.calls[m.ID] = append(h.messages, m), calls
}

func (h *history) asks(to, what string) {
	h.given = append(h.given, given{at: time.Unix(int64(len(h.messages))*10-5, 0), kind: orders, to: to, what: what})
}

func (h *history) judge(from int) judgement { return judge(did(h.messages, h.calls, h.given), from) }

func called(name, input, output string) *ent.ToolCall {
	return &ent.ToolCall{Name: name, Input: input, Output: output, State: enum.ToolCallDone}
}

func failing(name, input, output string) *ent.ToolCall {
	c := called(name, input, output)
	c.State = enum.ToolCallFailed
	return c
}

func TestWhoGoesInCirclesIsToldOnceAndThenHasToAsk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(h *history, i int)
		limit int
		words string
	}{
		"the same call with the same result": {func(h *history, i int) {
			h.says("", called("read_file", []string{`{"path":"a"}`, ` { "path": "a" } `}[i%2], "text"))
		}, 4, "the same call of read_file was made 4 times"},
		"the same among others": {func(h *history, i int) {
			h.says("", called("read_file", `{"path":"a"}`, "text"), called("read_file", fmt.Sprintf(`{"path":"%d"}`, i), "other"))
		}, 4, "the same call of read_file"},
		"the same error": {func(h *history, i int) {
			h.says("", failing("edit_file", fmt.Sprintf(`{"old_text":"%d"}`, i), "BAD_USER_INPUT (old_text): does not stand in the file"))
		}, 3, "edit_file has failed 3 times with the same error"},
		"monologue": {func(h *history, i int) {
			h.says("I will look at the files now, and then decide what to do about it."+[]string{"", "!"}[i%2], called("read_file", fmt.Sprintf(`{"path":"%d"}`, i), "text"))
		}, 3, "3 messages in a row say nearly the same"},
		"the same asked of another agent": {func(h *history, i int) {
			h.says("", called("read_file", fmt.Sprintf(`{"path":"%d"}`, i), "text"))
			h.asks("Senior Engineer", "build it")
		}, 6, "the same was asked of Senior Engineer 6 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h history
			for i := range c.limit {
				require.Empty(t, h.judge(0).notes)
				c.do(&h, i)
			}
			told := h.judge(0)
			require.Len(t, told.notes, 1)
			require.Contains(t, told.notes[len(h.messages)-1], c.words)
			require.Empty(t, told.circle, "first it is told")
			c.do(&h, c.limit)
			again := h.judge(0)
			require.Equal(t, told.notes, again.notes, "what was told stays as it was")
			require.NotEmpty(t, again.circle)
			other := h.clone()
			other.says("Something else altogether.", called("list_files", `{}`, "a"))
			require.Empty(t, other.judge(0).circle, "it was let go on, and does something else")
			from := len(h.messages)
			for i := range c.limit {
				c.do(&h, i)
				require.Empty(t, h.judge(from).circle, "a person has said something")
			}
			require.Len(t, h.judge(from).notes, 2, "then it is told again")
			c.do(&h, 0)
			require.NotEmpty(t, h.judge(from).circle)
		})
	}
}

func TestWhoGetsOnIsLeftAlone(t *testing.T) {
	t.Parallel()
	var h history
	for i := range 50 {
		h.says("Next.", called("write_file", fmt.Sprintf(`{"path":"a","text":"%d"}`, i), "wrote a"), called("list_files", `{}`, "a\n"),
			failing("edit_file", `{}`, "BAD_USER_INPUT"))
	}
	require.Equal(t, judgement{notes: map[int]string{}}, h.judge(0))
}

func TestToWriteTheSameInTurnsIsACircle(t *testing.T) {
	t.Parallel()
	var h history
	for i := range 16 {
		h.says("", called("write_file", fmt.Sprintf(`{"path":"a","text":"%d"}`, i%2), "wrote a"))
	}
	require.NotEmpty(t, h.judge(0).notes)
	require.NotEmpty(t, h.judge(0).circle)
}

func TestManyInOneAnswerAreToldBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	var h history
	var calls []*ent.ToolCall
	for range 10 {
		calls = append(calls, called("list_files", `{}`, "a"))
	}
	h.says("", calls...)
	require.Len(t, h.judge(0).notes, 1)
	require.Empty(t, h.judge(0).circle, "it can't have read what it is told")
}

func TestMailCountsUntilOneOfBothGetsOn(t *testing.T) {
	t.Parallel()
	h := &history{}
	exchange := func(n int, write bool) judgement {
		for range n {
			i := len(h.messages)
			h.says("", called("send_message", fmt.Sprintf(`{"text":"%d"}`, i), fmt.Sprint(i)))
			h.given = append(h.given, given{at: time.Unix(int64(i)*10+1, 0), kind: mails, to: "the other", what: "run_a"})
		}
		if write {
			h.given = append(h.given, given{at: time.Unix(int64(len(h.messages))*10-5, 0), kind: mails, to: "the other", what: "run_a", new: true})
		}
		return h.judge(0)
	}
	require.Empty(t, exchange(5, true).notes)
	require.Empty(t, exchange(5, false).notes, "the other has written something meanwhile")
	v := exchange(1, false)
	require.Contains(t, v.notes[10], "6 messages went to and fro between it and the other")
	require.Empty(t, v.circle)
	require.Contains(t, exchange(1, false).circle, "7 messages went to and fro")
}
