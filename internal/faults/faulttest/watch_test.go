package faulttest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// logOf is a log with two runs side by side, of n events.
func logOf(n int) []event {
	var log []event
	for i := range n {
		e := event{seq: int64(i) + 1, at: int64(1000 + i), run: fmt.Sprintf("run-%d", i%2)}
		switch i % 5 {
		case 0:
			e.kind = "RUN_STATE_CHANGED"
			e.payload.Run = &struct{ ID, State, Error string }{e.run, "RUNNING", ""}
		case 1:
			e.kind = "FILE_CHANGED"
			e.payload.Path = fmt.Sprintf("f%d", i)
		default:
			e.kind = "MESSAGE_DELTA"
			e.payload.MessageID, e.payload.Offset, e.payload.Text = "m", i, fmt.Sprintf("text %d", i)
		}
		log = append(log, e)
	}
	return log
}

// raw is the event as a server tells it of a sight.
func (s sight) raw(e event) json.RawMessage {
	at := fmt.Sprintf("1970-01-01T00:00:00.%06dZ", e.at)
	out := map[string]any{"cursor": fmt.Sprintf("c%d", e.seq), "seq": e.seq, "at": at, "type": e.kind}
	switch e.kind {
	case "RUN_STATE_CHANGED":
		out["__typename"] = "RunStateChanged"
		if !s.brief {
			out["run"], out["state"] = map[string]any{"id": e.run, "error": ""}, e.payload.Run.State
		}
	case "FILE_CHANGED":
		out["__typename"] = "FileChanged"
		if !s.brief {
			out["path"] = e.payload.Path
		}
	default:
		out["__typename"], out["messageId"], out["runId"] = "MessageDelta", e.payload.MessageID, e.run
		out["offset"], out["text"] = e.payload.Offset, e.payload.Text
	}
	made, _ := json.Marshal(out)
	return made
}

// audience is a watcher of logOf(n) that gets what deliver makes of what it is to get.
func audience(t *testing.T, s sight, deliver func([]event) []event) *Verdict {
	t.Helper()
	log := logOf(30)
	p := &Project{ID: "p"}
	w := &watcher{kind: "test", project: p, sight: s, records: []*record{{}}}
	if s.runs {
		w.records[0].run = "run-1"
	}
	p.watchers = []*watcher{w}
	due := slices.DeleteFunc(slices.Clone(log), func(e event) bool { return !s.wants(e, w.records[0].run) })
	for _, e := range deliver(due) {
		require.False(t, w.take(s.raw(e)))
	}
	v := &Verdict{}
	checkWatchers(p, log, v)
	require.Equal(t, v.Delivered, v.Watching["test"].Delivered)
	return v
}

// each runs the test for every sight.
func each(t *testing.T, test func(t *testing.T, s sight)) {
	t.Parallel()
	for _, s := range slices.CompactFunc(slices.Clone(sights), func(a, b sight) bool { return a.name == b.name }) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// few are so many types of which the test's log has some.
func few(s sight) sight {
	if s.types != nil {
		s.types = []string{"MESSAGE_DELTA", "RUN_STATE_CHANGED"}
	}
	return s
}

func TestAWatcherWhoGotEverythingInOrderIsContent(t *testing.T) {
	each(t, func(t *testing.T, s sight) {
		v := audience(t, few(s), func(due []event) []event { return due })
		require.True(t, v.Good(), "%v", v.Wrong)
		require.GreaterOrEqual(t, v.Delivered, 15)
	})
}

func TestAGapIsFoundAtAWatcher(t *testing.T) {
	each(t, func(t *testing.T, s sight) {
		v := audience(t, few(s), func(due []event) []event { return slices.Delete(due, 4, 6) })
		require.Equal(t, [5]int{2, 0, 0, 0, 0}, [5]int{v.Gaps, v.Doubles, v.Disorder, v.Foreign, v.Resets})
		require.Equal(t, 1, v.Lost)
		v = audience(t, few(s), func(due []event) []event { return due[:len(due)-1] }) // at the end too
		require.Equal(t, 1, v.Gaps)
		v = audience(t, few(s), func([]event) []event { return nil })
		require.Positive(t, v.Gaps)
	})
}

func TestADoubleIsFoundAtAWatcher(t *testing.T) {
	each(t, func(t *testing.T, s sight) {
		for _, at := range []int{3, 0} { // of the latest event, and of one long ago
			v := audience(t, few(s), func(due []event) []event { return slices.Insert(due, 4, due[at]) })
			require.Equal(t, [5]int{0, 1, 0, 0, 0}, [5]int{v.Gaps, v.Doubles, v.Disorder, v.Foreign, v.Resets})
			require.Equal(t, 1, v.Doubled)
		}
	})
}

func TestDisorderIsFoundAtAWatcher(t *testing.T) {
	each(t, func(t *testing.T, s sight) {
		v := audience(t, few(s), func(due []event) []event {
			due[5], due[6] = due[6], due[5]
			return due
		})
		require.Equal(t, [5]int{0, 0, 1, 0, 0}, [5]int{v.Gaps, v.Doubles, v.Disorder, v.Foreign, v.Resets})
		require.False(t, v.Good())
	})
}

func TestAForeignTextIsFoundAtAWatcher(t *testing.T) {
	each(t, func(t *testing.T, s sight) {
		v := audience(t, few(s), func(due []event) []event {
			i := slices.IndexFunc(due, func(e event) bool { return e.kind == "MESSAGE_DELTA" })
			due[i].payload.Text = "something else"
			return due
		})
		require.Equal(t, [5]int{0, 0, 0, 1, 0}, [5]int{v.Gaps, v.Doubles, v.Disorder, v.Foreign, v.Resets})
		require.Equal(t, 1, v.Divergent)
		v = audience(t, few(s), func(due []event) []event { // one that isn't in the log
			e := due[len(due)-1]
			e.seq += 10
			return append(due, e)
		})
		require.Equal(t, 1, v.Foreign)
	})
}

func TestAFilteredWatcherMayBeToldOfNothingElse(t *testing.T) {
	t.Parallel()
	for _, s := range []sight{{name: "texts", types: []string{"MESSAGE_DELTA"}}, {name: "runs", runs: true}} {
		v := audience(t, s, func(due []event) []event {
			other := logOf(30)[10] // a run's state, of the other run
			i := slices.IndexFunc(due, func(e event) bool { return e.seq > other.seq })
			return slices.Insert(due, i, other)
		})
		require.Equal(t, [5]int{0, 0, 0, 1, 0}, [5]int{v.Gaps, v.Doubles, v.Disorder, v.Foreign, v.Resets})
	}
}

func TestAStreamResetIsNeverDue(t *testing.T) {
	t.Parallel()
	p := &Project{ID: "p"}
	w := &watcher{kind: "test", project: p, records: []*record{{}}}
	p.watchers = []*watcher{w}
	w.take(json.RawMessage(`{"__typename":"StreamReset","cursor":"c","seq":3,"reason":"why"}`))
	v := &Verdict{}
	checkWatchers(p, nil, v)
	require.Equal(t, 1, v.Resets)
	require.False(t, v.Good())
}

func TestAResumeIsASubscriptionThatGoesOnBehindAnEvent(t *testing.T) {
	t.Parallel()
	log := logOf(3)
	w := &watcher{project: &Project{ID: "p"}, records: []*record{{}}}
	resumed := func() int { _, n, _ := w.counts(); return n }
	w.subscribe()
	w.take(w.sight.raw(log[0]))
	require.Zero(t, resumed())
	w.subscribe()
	w.subscribe() // the one before brought nothing
	require.Zero(t, resumed())
	w.take(w.sight.raw(log[1]))
	w.take(w.sight.raw(log[2]))
	require.Equal(t, 1, resumed())
	_, variables := w.subscribe()
	require.Equal(t, map[string]any{"id": "p", "after": "c3"}, variables)
}

func TestAWatcherOfRunsGoesFromOneToTheNext(t *testing.T) {
	t.Parallel()
	l := &Load{quiet: quiet{calm: make(chan struct{})}}
	for i := range 3 {
		l.sent = append(l.sent, &Sent{Project: "p", Run: fmt.Sprintf("run-%d", i)}, &Sent{Project: "other", Run: "x"})
	}
	w := &watcher{project: &Project{ID: "p"}, sight: sight{runs: true}}
	for i := range 3 { // the latest that it hasn't seen
		require.True(t, w.ready(l))
		query, variables := w.subscribe()
		require.Contains(t, query, "runEvents")
		run := fmt.Sprintf("run-%d", 2-i)
		require.Equal(t, run, variables["id"])
		require.True(t, w.take(json.RawMessage(`{"__typename":"RunStateChanged","cursor":"c","seq":7,"state":"FAILED","run":{"id":"`+run+`"}}`)))
	}
	require.False(t, w.ready(l))
	l.sent = append(l.sent, &Sent{Project: "p", Run: "run-3"})
	close(l.calm)
	require.False(t, w.ready(l), "once all is calm none is begun")
}

func TestKindsAndSightsAreDealtInTheirShares(t *testing.T) {
	t.Parallel()
	drawn, seen := deal(200, true, rand.New(rand.NewPCG(1, 1)))
	for _, kind := range kinds {
		require.Contains(t, drawn, kind)
	}
	names := map[string]int{}
	for i, s := range seen {
		names[s.name]++
		require.False(t, drawn[i] == terminal && (s.types != nil || s.brief || s.actor))
	}
	for _, s := range sights {
		require.GreaterOrEqual(t, names[s.name], 8, s.name)
	}
	drawn, _ = deal(100, false, rand.New(rand.NewPCG(1, 1)))
	for _, kind := range inNode {
		require.NotContains(t, drawn, kind)
	}
}

func TestAStreamIsReadAsEventSourceDoes(t *testing.T) {
	t.Parallel()
	lines := bufio.NewReader(strings.NewReader(": hello\n\nevent: next\nid: c1\ndata: {\"a\":1}\n\nevent: next\ndata: {"))
	m, err := readMessage(lines)
	require.NoError(t, err)
	require.Equal(t, message{comment: "hello"}, m)
	m, err = readMessage(lines)
	require.NoError(t, err)
	require.Equal(t, message{name: "next", id: "c1", data: []byte(`{"a":1}`)}, m)
	_, err = readMessage(lines)
	require.Error(t, err)
}

func TestAProxyTearsWhatComesNext(t *testing.T) {
	t.Parallel()
	service, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p, err := NewProxy("tcp", service.Addr().String())
	require.NoError(t, err)
	near, err := net.Dial("tcp", p.Address())
	require.NoError(t, err)
	far, err := service.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = near.Close(), far.Close()
		require.NoError(t, service.Close())
		require.NoError(t, p.Close())
	})
	_, err = near.Write([]byte("ab"))
	require.NoError(t, err)
	_, err = io.ReadFull(far, make([]byte, 2))
	require.NoError(t, err)
	p.Tear()
	_, err = far.Write([]byte("cdef"))
	require.NoError(t, err)
	got, _ := io.ReadAll(near)
	require.Equal(t, "cd", string(got))
}

func TestOnlyAFaultExcusesAnError(t *testing.T) {
	t.Parallel()
	event, errs := result([]byte(`{"data":{"event":{"seq":1}},"errors":[{"message":"m","extensions":{"code":"INTERNAL"}}]}`))
	require.JSONEq(t, `{"seq":1}`, string(event))
	require.Empty(t, inexcusable(errs))
	event, errs = result([]byte(`{"data":null,"errors":[{"message":"m","extensions":{"code":"NOT_FOUND"}}]}`))
	require.Nil(t, event)
	require.Contains(t, inexcusable(errs), "NOT_FOUND")
	require.NotEmpty(t, inexcusable(nil))
}
