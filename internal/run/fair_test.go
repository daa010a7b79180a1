package run_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/idempotencykey"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestNoProjectWaitsMoreThanTwiceItsShare(t *testing.T) {
	t.Parallel()
	const projects, each, workers = 3, 30, 2
	eachIdle(t, func(t *testing.T, b *testBundle) {
		var ids []string
		for n := range projects { // all of one project's before all of the next one's
			p := storetest.Project(t, b.db, b.owner, fmt.Sprint(n))
			ids = append(ids, p.ID)
			for range each {
				_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: p.ID, Text: "hello"})
				require.NoError(t, err)
			}
		}
		second, _ := b.worker(t, options{idle: true})
		hands := [workers]*run.Hands{run.ByHand(b.engine), run.ByHand(second)}
		var holds [workers]*run.Claim
		served := map[string]int{}
		waited := map[string]int{} // claims of other projects since its last
		for i := range projects * each {
			w := i % workers
			if holds[w] != nil {
				require.NoError(t, hands[w].Finish(holds[w], true))
			}
			var err error
			holds[w], err = hands[w].Next()
			require.NoError(t, err)
			require.NotNil(t, holds[w])
			for _, p := range ids {
				waited[p]++
			}
			p := holds[w].Run().ProjectID
			served[p]++
			waited[p] = 0
			for _, p := range ids {
				if served[p] < each {
					require.LessOrEqual(t, waited[p], 2*projects, "after %d claims", i+1)
				}
			}
		}
		require.Equal(t, map[string]int{ids[0]: each, ids[1]: each, ids[2]: each}, served)
	})
}

func TestLimitsHoldOverAllWorkers(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]run.Options{
		"project": {ProjectLimit: 2}, "organisation": {OrganisationLimit: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabaseWith(t, options{idle: true, run: limits}, func(t *testing.T, b *testBundle) {
				second, _ := b.worker(t, options{idle: true, run: limits})
				other := storetest.Project(t, b.db, b.owner, "Q")
				for _, project := range []string{b.project.ID, other.ID} {
					for range 4 {
						_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: project, Text: "hello"})
						require.NoError(t, err)
					}
				}
				var claims []*run.Claim
				var mu sync.Mutex
				var group sync.WaitGroup
				hands := []*run.Hands{run.ByHand(b.engine), run.ByHand(second)}
				for i := range 8 {
					group.Go(func() {
						c, err := hands[i%2].Next()
						mu.Lock()
						defer mu.Unlock()
						if err != nil && !waitedInVain(err) {
							t.Error(err)
						}
						if c != nil {
							claims = append(claims, c)
						}
					})
				}
				group.Wait()
				for c, err := hands[0].Next(); c != nil || err != nil; c, err = hands[0].Next() {
					require.NoError(t, err)
					claims = append(claims, c)
				}
				perProject := map[string]int{}
				for _, c := range claims {
					perProject[c.Run().ProjectID]++
				}
				if limits.ProjectLimit > 0 {
					require.Equal(t, map[string]int{b.project.ID: 2, other.ID: 2}, perProject)
				} else {
					require.Len(t, claims, 3)
					require.Len(t, perProject, 2)
				}
			})
		})
	}
}

// waitedInVain says that a claim was given up since others had a row of it for a second, as
// they may on a busy machine. The worker's next look makes it.
func waitedInVain(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Code == "55P03" // lock_not_available
}

// atOnce does act 100 times at once, alternately with 0 and 1.
func atOnce(t *testing.T, act func(n int) (string, error)) map[string]int {
	t.Helper()
	var mu sync.Mutex
	ids := map[string]int{}
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			id, err := act(i % 2)
			for range 20 {
				if !store.Unavailable(err) { // else its turn to write didn't come, on a slow machine
					break
				}
				id, err = act(i % 2)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[id]++
		})
	}
	group.Wait()
	return ids
}

func TestTheSameKeyAHundredTimesAtOnceDoesItOnce(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Reply{llmtest.Status(400)}, llmtest.Reply{llmtest.Say("once")}}
	}, func(t *testing.T, b *testBundle) {
		second, talk := b.worker(t, options{})
		talks := []*conversation.Service{b.talk, talk}
		in := conversation.SendInput{ProjectID: b.project.ID, Text: "hello", IdempotencyKey: "k"}
		var answer string
		sent := atOnce(t, func(n int) (string, error) {
			m, r, err := talks[n].Send(b.ctx, in)
			if err != nil {
				return "", err
			}
			return m.ID + " " + r.ID, nil
		})
		require.Len(t, sent, 1)
		n, err := b.db.Ent.Message.Query().Where(message.RoleEQ(enum.RoleUser)).Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		r, err := b.db.Ent.Run.Query().Only(b.ctx)
		require.NoError(t, err)
		require.Equal(t, enum.RunFailed, b.await(t, r.ID).State)

		engines := []*run.Engine{b.engine, second}
		again := atOnce(t, func(n int) (string, error) {
			r, err := engines[n].Retry(b.ctx, run.RetryInput{RunID: r.ID, IdempotencyKey: "k"})
			if err != nil {
				return "", err
			}
			return r.ID, nil
		})
		require.Len(t, again, 1)
		for answer = range again {
			require.Equal(t, enum.RunSucceeded, b.await(t, answer).State)
		}
		in.Text = "other"
		_, _, err = talk.Send(b.ctx, in)
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
	})
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{idle: true}, func(t *testing.T, b *testBundle) {
		_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: b.project.ID, Text: "hello", IdempotencyKey: "new"})
		require.NoError(t, err)
		unchecked := storetest.Unchecked(context.Background())
		err = b.db.Ent.IdempotencyKey.Create().SetUserID(b.owner.UserID).SetOperation("sendMessage").SetKey("old").
			SetInputHash([]byte("x")).SetResultID("msg_x").SetExpiresAt(time.Now().Add(-time.Second)).Exec(unchecked)
		require.NoError(t, err)
		require.NoError(t, run.ByHand(b.engine).ForgetKeys())
		left, err := b.db.Ent.IdempotencyKey.Query().Select(idempotencykey.FieldKey).Strings(unchecked)
		require.NoError(t, err)
		require.Equal(t, []string{"new"}, left)
	})
}

func TestAStopLetsStepsFinishAndHandsOverTheRest(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		proceed := make(chan struct{})
		b.model.Add(
			llmtest.Reply{llmtest.Say("nearly"), llmtest.Wait(proceed), list()},
			llmtest.Reply{llmtest.Say("cut"), llmtest.Hang()},
			llmtest.Reply{llmtest.Say("done")})
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		stop := b.start(t, run.Options{Drain: time.Minute})
		b.untilSaid(t, r.ID)
		stopped := make(chan struct{})
		go func() { defer close(stopped); stop() }()
		close(proceed)
		<-stopped
		r, err := b.db.Ent.Run.Get(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, 1, r.Step, "the step under way was finished, and none begun")
		require.Empty(t, r.LeaseOwner)
		require.Equal(t, enum.MessageComplete, b.answers(t, r.ID)[0].Status)

		stop = b.start(t, run.Options{Drain: -1})
		require.Eventually(t, func() bool { return len(b.answers(t, r.ID)) == 2 }, time.Minute, 5*time.Millisecond)
		stop()
		r, err = b.db.Ent.Run.Get(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunRunning, r.State)
		require.Equal(t, 1, r.Step)
		require.Empty(t, r.LeaseOwner, "the run was handed over")

		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
	})
}
