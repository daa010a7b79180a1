package run_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// legal is what a person may see a run change from and to, written down a second
// time: the engine's own table must not say more.
var legal = map[enum.RunState]string{
	enum.RunQueued:             "RUNNING PAUSED CANCELLED",
	enum.RunRunning:            "RUNNING WAITING_FOR_APPROVAL WAITING_FOR_INPUT WAITING_FOR_AGENTS PAUSED SUCCEEDED FAILED CANCELLED",
	enum.RunWaitingForApproval: "QUEUED CANCELLED",
	enum.RunWaitingForInput:    "QUEUED CANCELLED",
	enum.RunWaitingForAgents:   "QUEUED CANCELLED",
	enum.RunPaused:             "QUEUED CANCELLED",
	enum.RunSucceeded:          "",
	enum.RunFailed:             "",
	enum.RunCancelled:          "",
}

func allowed(from, to enum.RunState) bool {
	return slices.Contains(strings.Fields(legal[from]), string(to))
}

func TestTheTableSaysNoMoreThanItShould(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for what, moves := range run.Transitions() {
		for from, to := range moves {
			require.True(t, allowed(from, to), "%s: %s → %s", what, from, to)
			seen[string(from)+" "+string(to)] = true
		}
	}
	for from, tos := range legal {
		for _, to := range strings.Fields(tos) {
			require.True(t, seen[string(from)+" "+to], "%s → %s has no event", from, to)
		}
	}
}

func TestRandomCommandsKeepEveryRunLegal(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{t: rt, b: b, hands: run.ByHand(b.engine), states: map[string]enum.RunState{}, claims: map[string]*run.Claim{}}
			message, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: b.project.ID, Text: "first"})
			require.NoError(rt, err)
			m.conversation = message.ConversationID
			m.check("send")
			steps := 40
			if storetest.IsPostgres(b.db) {
				steps = 25
			}
			for range rapid.IntRange(5, steps).Draw(rt, "steps") {
				m.command()
			}
			// Nothing of this conversation is to be claimed by the next round.
			for id, state := range m.states {
				if !state.Ended() {
					_, err := b.engine.Cancel(b.ctx, id)
					require.NoError(rt, err)
					m.crash(id)
				}
			}
		})
	})
}

// model drives one conversation and knows what each of its runs was before.
type model struct {
	t            *rapid.T
	b            *testBundle
	hands        *run.Hands
	conversation string
	states       map[string]enum.RunState
	claims       map[string]*run.Claim // that are good
	stale        []*run.Claim
}

func (m *model) pick(name string, fits func(id string) bool) string {
	var ids []string
	for id := range m.states {
		if fits(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	return ids[rapid.IntRange(0, len(ids)-1).Draw(m.t, name)]
}

func (m *model) any(string) bool { return true }

func (m *model) set(id string, f func(*ent.RunUpdateOne)) {
	u := m.b.db.Ent.Run.UpdateOneID(id)
	f(u)
	require.NoError(m.t, u.Exec(storetest.Unchecked(context.Background())))
}

// command does one thing at random, and looks that all is well after it.
func (m *model) command() {
	what := rapid.SampledFrom([]string{
		"claim", "claim", "step", "finish", "fail", "see", "ask", "answer", "crash", "late write", "late write",
		"cancel", "pause", "resume", "retry", "queue", "steer", "interrupt", "reject", "expire", "forget", "obey",
	}).Draw(m.t, "command")
	held := m.pick("held", func(id string) bool { return m.claims[id] != nil })
	id := m.pick("run", m.any)
	switch what {
	case "claim":
		c, err := m.hands.Claim(id)
		require.NoError(m.t, err)
		if c != nil {
			require.Nil(m.t, m.claims[id], "two workers have one run")
			m.claims[id] = c
		}
	case "step", "finish", "fail", "see", "ask", "obey":
		if held != "" {
			m.work(what, held)
		}
	case "answer":
		r := m.read(id)
		err := m.hands.Reply(r)
		require.Equal(m.t, r.State == enum.RunWaitingForInput, err == nil, "%v", err)
	case "crash":
		m.crash(held)
	case "late write":
		m.lateWrite()
	case "cancel":
		_, err := m.b.engine.Cancel(m.b.ctx, id)
		require.NoError(m.t, err)
	case "pause", "resume":
		m.ask(what, id)
	case "retry":
		before := m.read(id).State
		again, err := m.b.engine.Retry(m.b.ctx, run.RetryInput{RunID: id})
		if before == enum.RunFailed || before == enum.RunCancelled {
			require.NoError(m.t, err)
			same, err := m.b.engine.Retry(m.b.ctx, run.RetryInput{RunID: id})
			require.NoError(m.t, err)
			require.Equal(m.t, again.ID, same.ID)
		} else {
			require.True(m.t, problem.Is(err, problem.Conflict), "%v", err)
		}
	case "queue", "steer", "interrupt", "reject":
		busy := m.pick("busy", func(id string) bool { return !m.states[id].Ended() }) != ""
		_, _, err := m.b.talk.Send(m.b.ctx, conversation.SendInput{
			ConversationID: m.conversation, Text: what, WhileBusy: strings.ToUpper(what)})
		if what == "reject" && busy {
			require.True(m.t, problem.Is(err, problem.Conflict), "%v", err)
		} else {
			require.NoError(m.t, err)
		}
	case "expire":
		if !m.states[id].Ended() {
			m.set(id, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(1) })
			m.sweep()
			m.lose(id)
		}
	case "forget":
		if !m.states[id].Ended() && m.claims[id] == nil {
			m.set(id, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(0).SetLeaseUntil(0) })
			m.sweep()
		}
	}
	m.check(what)
}

// work is what the worker that holds the run may do; nobody may refuse it.
func (m *model) work(what, id string) {
	c := m.claims[id]
	r := m.read(id)
	var err error
	keeps := false
	switch what {
	case "step":
		err = m.hands.Step(c)
	case "finish", "fail":
		err = m.hands.Finish(c, what == "finish")
	case "ask":
		err = m.hands.Ask(c)
	case "see":
		err, keeps = m.hands.See(c), true
	case "obey":
		if keeps = !r.CancelRequested && !r.PauseRequested; !keeps {
			err = m.hands.Obey(c, r.CancelRequested)
		}
	}
	require.NoError(m.t, err, what)
	if !keeps {
		m.lose(id)
	}
}

// sweep looks for what ran out. What a good worker holds has not, however slow the machine is.
func (m *model) sweep() {
	for id := range m.claims {
		if m.read(id).LeaseUntil > 1 { // else crash wants it found
			m.set(id, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(time.Now().Add(time.Hour).UnixMilli()) })
		}
	}
	require.NoError(m.t, m.hands.Sweep())
}

func (m *model) lose(id string) {
	if c := m.claims[id]; c != nil {
		m.stale = append(m.stale, c)
		delete(m.claims, id)
	}
}

// crash makes the run's worker silent and lets the sweep find that out.
func (m *model) crash(id string) {
	if m.claims[id] == nil {
		return
	}
	m.set(id, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) })
	m.sweep()
	m.lose(id)
}

// lateWrite has a worker that has lost its run try everything: all is refused and
// nothing changes.
func (m *model) lateWrite() {
	if len(m.stale) == 0 {
		return
	}
	c := m.stale[rapid.IntRange(0, len(m.stale)-1).Draw(m.t, "stale")]
	before := m.read(c.Run().ID)
	for i, err := range []error{
		m.hands.Step(c), m.hands.See(c), m.hands.Finish(c, true), m.hands.Finish(c, false), m.hands.Ask(c),
		m.hands.Obey(c, true), m.hands.Obey(c, false),
	} {
		require.True(m.t, run.Refused(err), "late write %d: %v", i, err)
	}
	require.Equal(m.t, before.String(), m.read(before.ID).String())
}

// ask pauses or resumes: a repeat changes nothing, and what can't be done names the state.
func (m *model) ask(what, id string) {
	act := m.b.engine.Pause
	if what == "resume" {
		act = m.b.engine.Resume
	}
	before := m.read(id)
	once, err := act(m.b.ctx, id)
	if before.State.Ended() {
		require.True(m.t, problem.Is(err, problem.Conflict), "%v", err)
		require.ErrorContains(m.t, err, string(before.State))
		return
	}
	require.NoError(m.t, err)
	twice, err := act(m.b.ctx, id)
	require.NoError(m.t, err)
	require.Equal(m.t, fmt.Sprint(once.State, once.PauseRequested), fmt.Sprint(twice.State, twice.PauseRequested))
}

func (m *model) read(id string) *ent.Run {
	r, err := m.b.db.Ent.Run.Get(m.b.ctx, id)
	require.NoError(m.t, err)
	return r
}

// check holds all runs of the conversation to what is always true.
func (m *model) check(after string) {
	all, err := m.b.db.Ent.Run.Query().Where(entrun.ConversationID(m.conversation)).All(m.b.ctx)
	require.NoError(m.t, err)
	active := 0
	for _, r := range all {
		was, known := m.states[r.ID]
		require.True(m.t, !known || was == r.State || allowed(was, r.State), "%s: %s → %s", after, was, r.State)
		m.states[r.ID] = r.State
		if r.State != enum.RunQueued && !r.State.Ended() {
			active++
		}
		switch {
		case r.State.Ended():
			require.Zero(m.t, r.DeadlineAt)
			require.Zero(m.t, r.LeaseUntil)
			require.Empty(m.t, r.LeaseOwner)
			require.NotNil(m.t, r.FinishedAt)
		case r.State == enum.RunQueued || r.State == enum.RunRunning:
			require.Positive(m.t, r.LeaseUntil, after)
			require.Positive(m.t, r.DeadlineAt, after)
		default:
			require.Positive(m.t, r.DeadlineAt, after)
			require.Empty(m.t, r.LeaseOwner, after)
		}
		require.Equal(m.t, m.claims[r.ID] != nil, r.LeaseOwner != "", "after %s: who holds the run", after)
		if r.LeaseOwner != "" {
			require.Equal(m.t, m.claims[r.ID].Run().Epoch, r.Epoch, after)
		}
	}
	require.LessOrEqual(m.t, active, 1, "after %s: two runs of a conversation are active", after)
}
