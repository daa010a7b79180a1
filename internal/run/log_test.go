package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// journal keeps a worker's log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(j, nil)) }

type line struct {
	Level, Msg        string
	Run, Worker, From string
	Project, State    string
	Epoch             int64
	Takeovers         int
}

// about lists the lines whose message begins so.
func (j *journal) about(t *testing.T, start string) []line {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []line
	for raw := range strings.Lines(j.text.String()) {
		var l line
		require.NoError(t, json.Unmarshal([]byte(raw), &l), raw)
		if strings.HasPrefix(l.Msg, start) {
			all = append(all, l)
		}
	}
	return all
}

// What an operator must be able to find is told once, with the run, the epoch and the
// worker.
func TestWhatBecameOfALeaseIsInTheLog(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{idle: true}, func(t *testing.T, b *testBundle) {
		first, second := &journal{}, &journal{}
		b.model.Add(llmtest.Func(func(llmtest.Request) llmtest.Reply { // the first one takes it again
			return llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()}
		}))
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.start(t, run.Options{Logger: first.logger(), Drain: -1})
		b.untilSaid(t, r.ID)

		taker, _ := b.worker(t, options{idle: true, run: run.Options{Logger: second.logger()}})
		hands := run.ByHand(taker)
		mend := b.refuse(t, "UPDATE", "runs", "OLD.lease_until = 1 AND NEW.lease_until > 1 AND NEW.epoch = OLD.epoch") // its worker renews it
		var held *ent.Run
		soon(t, func() bool { // its worker may take the run over itself
			now, err := b.db.Ent.Run.Get(b.ctx, r.ID)
			if err != nil || now.LeaseOwner == "" || len(b.answers(t, r.ID)) <= now.Takeovers { // the step hasn't said anything
				return false
			}
			n, err := b.db.Ent.Run.Update().Where(entrun.ID(r.ID), entrun.Epoch(now.Epoch)).SetLeaseUntil(1).Save(storetest.Unchecked(context.Background()))
			if err != nil || n == 0 {
				return false
			}
			held = now
			if err := hands.Sweep(); !waitedInVain(err) { // its worker may be at it
				require.NoError(t, err)
			}
			return taker.Stats().Takeovers == 1
		})
		mend()
		taken := second.about(t, "a worker is silent")
		require.Len(t, taken, 1)
		require.Equal(t, line{Level: "WARN", Msg: taken[0].Msg, Run: r.ID, Project: r.ProjectID, Epoch: held.Epoch,
			Worker: taken[0].Worker, From: held.LeaseOwner, Takeovers: held.Takeovers + 1}, taken[0])
		require.NotEqual(t, held.LeaseOwner, taken[0].Worker)

		var lost []line
		soon(t, func() bool {
			lost = slices.DeleteFunc(first.about(t, "the lease was lost"), func(l line) bool { return l.Epoch != held.Epoch })
			return len(lost) > 0
		})
		require.Len(t, lost, 1)
		require.Equal(t, []any{r.ID, held.LeaseOwner}, []any{lost[0].Run, lost[0].Worker})
	})
}

func TestARefusedWriteIsInTheLogOnce(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		log := &journal{}
		engine, _ := b.worker(t, options{idle: true, run: run.Options{Logger: log.logger()}})
		hands := run.ByHand(engine)
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		c, err := hands.Claim(r.ID)
		require.NoError(t, err)
		b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.AddEpoch(1) })
		for range 3 {
			require.True(t, run.Refused(hands.Step(c)))
		}
		require.EqualValues(t, 3, engine.Stats().StaleWrites)
		refused := log.about(t, "a late write was refused")
		require.Len(t, refused, 1)
		require.Equal(t, []any{"WARN", r.ID, c.Run().Epoch, c.Run().LeaseOwner},
			[]any{refused[0].Level, refused[0].Run, refused[0].Epoch, refused[0].Worker})
	})
}

func TestARepairIsInTheLogOnce(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		log := &journal{}
		engine, _ := b.worker(t, options{idle: true, run: run.Options{Logger: log.logger()}})
		hands := run.ByHand(engine)
		var ids []string
		for range 2 {
			_, r := b.send(t, conversation.SendInput{Text: "hello"})
			b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.SetDeadlineAt(0).SetLeaseUntil(0).SetEpoch(3) })
			ids = append(ids, r.ID)
		}
		for range 2 {
			require.NoError(t, hands.Sweep())
		}
		repaired := log.about(t, "a run had no job")
		require.Len(t, repaired, 2)
		for _, l := range repaired {
			require.True(t, slices.Contains(ids, l.Run))
			require.Equal(t, line{Level: "ERROR", Msg: l.Msg, Run: l.Run, Project: b.project.ID, Epoch: 3,
				State: string(enum.RunQueued), Worker: l.Worker}, l)
			require.NotEmpty(t, l.Worker)
		}
		require.EqualValues(t, 2, engine.Stats().Repairs)
	})
}
