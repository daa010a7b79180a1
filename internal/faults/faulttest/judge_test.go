package faulttest

import (
	"encoding/json"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// transcript is task n with its first answers given.
func transcript(n, given int) llmtest.Request {
	q := llmtest.Request{Tools: []llm.Tool{{Name: countOnce}}}
	q.Messages = append(q.Messages, llm.Message{Role: llm.RoleUser, Text: taskText(n, "x")})
	for _, a := range answers(n, true)[:given] {
		m := llm.Message{Role: llm.RoleAssistant, Text: a.text()}
		r := llm.Message{Role: llm.RoleUser}
		for _, c := range a.calls {
			input, _ := json.Marshal(c.input)
			m.ToolCalls = append(m.ToolCalls, llm.ToolCall{ID: c.tool, Name: c.tool, Input: input})
			r.ToolResults = append(r.ToolResults, llm.ToolResult{CallID: c.tool, Text: "ok"})
		}
		q.Messages = append(q.Messages, m)
		if len(a.calls) > 0 {
			q.Messages = append(q.Messages, r)
		}
	}
	return q
}

func TestTheModelAnswersByTheTranscript(t *testing.T) {
	t.Parallel()
	script := answers(3, true)
	for given := range len(script) {
		due, odd, err := follow(transcript(3, given))
		require.NoError(t, err)
		require.Empty(t, odd)
		require.Equal(t, script[given], due)
	}
	_, _, err := follow(transcript(3, len(script)))
	require.ErrorContains(t, err, "asked again")
}

func TestTheModelSeesWhatIsWrongWithATranscript(t *testing.T) {
	t.Parallel()
	q := transcript(3, 2)
	q.Messages[1].Text = "something else"
	_, _, err := follow(q)
	require.ErrorContains(t, err, "the text is")

	q = transcript(3, 2)
	q.Messages[1].ToolCalls = nil
	_, _, err = follow(q)
	require.ErrorContains(t, err, "tool calls")

	q = transcript(3, 2)
	q.Messages[2].ToolResults[0].IsError = true
	_, odd, err := follow(q)
	require.NoError(t, err)
	require.Len(t, odd, 1)

	q = transcript(3, 3) // what may not be repeated may have been interrupted
	last := q.Messages[len(q.Messages)-1]
	last.ToolResults[0].IsError = true
	_, odd, err = follow(q)
	require.NoError(t, err)
	require.Empty(t, odd)
}

func TestASubscriberIsToldWhatTheLogSays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for kind, c := range map[string]struct{ told, payload string }{
		"MESSAGE_DELTA": {
			`{"__typename":"MessageDelta","messageId":"m","runId":"r","offset":4,"text":"<é🚀>"`,
			`{"v":1,"message_id":"m","offset":4,"text":"<é🚀>"}`,
		},
		"RUN_STATE_CHANGED": {
			`{"__typename":"RunStateChanged","state":"FAILED","run":{"id":"r","error":"why"}`,
			`{"v":1,"run":{"id":"r","state":"FAILED","error":"why"}}`,
		},
		"TOOL_CALL_FINISHED": {
			`{"__typename":"ToolCallFinished","toolCall":{"id":"c","name":"n","input":"{}","output":"o","state":"DONE"}`,
			`{"v":1,"tool_call":{"id":"c","name":"n","input":"{}","output":"o","state":"DONE"}}`,
		},
	} {
		e := event{seq: 9, at: at.UnixMicro(), kind: kind, run: "r"}
		require.NoError(t, json.Unmarshal([]byte(c.payload), &e.payload))
		raw := c.told + `,"seq":9,"at":"2026-01-02T03:04:05.000006Z"}`
		h, err := hear(json.RawMessage(raw))
		require.NoError(t, err)
		require.Equal(t, e.told(), h.told())
		e.payload.Text, e.payload.Run, e.payload.ToolCall = "other", nil, nil
		require.NotEqual(t, e.told(), h.told())
	}
}

func TestTheJudgeReadsALogAsAClientDoes(t *testing.T) {
	t.Parallel()
	delta := func(seq int64, offset int, text string) event {
		e := event{seq: seq, kind: "MESSAGE_DELTA", run: "r"}
		e.payload.MessageID, e.payload.Offset, e.payload.Text = "m", offset, text
		return e
	}
	message := func(seq int64, kind, status, text string) event {
		e := event{seq: seq, kind: kind, run: "r"}
		e.payload.Message = &struct{ ID, Role, Status, Text string }{"m", "ASSISTANT", status, text}
		return e
	}
	added, ended := message(1, "MESSAGE_ADDED", "STREAMING", ""), message(4, "MESSAGE_COMPLETED", "COMPLETE", "🚀b")
	r := &rows{runs: map[string]*runRow{}, byID: map[string]*messageRow{"m": {id: "m", text: "🚀b"}}}
	for _, c := range []struct {
		log  []event
		good bool
	}{
		{[]event{added, delta(2, 0, "🚀"), delta(3, 2, "b"), ended}, true},
		{[]event{added, delta(2, 0, "🚀"), delta(3, 1, "b"), ended}, false},
		{[]event{added, delta(2, 0, "🚀"), ended}, false},
		{[]event{added, delta(2, 0, "🚀"), delta(3, 2, "b"), ended, ended}, false},
		{[]event{delta(2, 0, "🚀"), delta(3, 2, "b"), ended}, false},
	} {
		v := &Verdict{}
		story(r, c.log, v)
		require.Equal(t, c.good, v.Good(), "%v", v.Wrong)
	}
}

func TestAProxyCarriesCutsAndStalls(t *testing.T) {
	t.Parallel()
	service, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			c, err := service.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, io.LimitReader(c, 4))
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	p, err := NewProxy("tcp", service.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		require.NoError(t, service.Close())
		<-served
	})
	c, err := net.Dial("tcp", p.Address())
	require.NoError(t, err)
	answer := make([]byte, 2)
	_, err = c.Write([]byte("ab"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, answer)
	require.NoError(t, err)
	require.Equal(t, "ab", string(answer))
	p.Stall(100 * time.Millisecond)
	_, err = c.Write([]byte("cd"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, answer)
	require.NoError(t, err)
	require.Equal(t, "cd", string(answer))
	require.Equal(t, 1, p.Cut())
	_, err = c.Read(answer)
	require.Error(t, err)
}
