package route_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/route"
)

func failure(kind llm.Kind) *llm.Error {
	return &llm.Error{Kind: kind, Message: "what the vendor said"}
}

// first is the candidate that a call of the agent's tier goes to.
func first(t *testing.T, r *route.Router) route.Candidate {
	t.Helper()
	return candidates(t, r, route.Wish{})[0]
}

func fail(r *route.Router, c route.Candidate, err error, times int) {
	for range times {
		r.Report(c, err, time.Second)
	}
}

func TestFiveFailuresInARowPutAModelLast(t *testing.T) {
	t.Parallel()
	for _, kind := range []llm.Kind{llm.KindUnavailable, llm.KindOverloaded, llm.KindCut} {
		r := newRouter(t, nil, anthropic, openai)
		c := first(t, r)
		fail(r, c, failure(kind), 4)
		r.Report(c, nil, time.Second)
		fail(r, c, failure(kind), 4)
		require.Equal(t, c.String(), first(t, r).String())
		require.Equal(t, route.Healthy, r.Health(c.Server, c.Model.ID).State)
		fail(r, c, fmt.Errorf("step: %w", failure(kind)), 1)

		all := candidates(t, r, route.Wish{})
		require.Equal(t, "openai/gpt-5.6-terra", all[0].String())
		require.Equal(t, "anthropic/claude-sonnet-5-5 did not answer lately", all[0].Reason)
		require.Equal(t, c.String(), all[len(all)-1].String())
		require.Equal(t, "anthropic/claude-opus-5-5", candidates(t, r, route.Wish{Complex: true})[0].String(), "the others of the server go on")
		require.Equal(t, route.Down, r.Health(c.Server, c.Model.ID).State)
	}
}

func TestWhatTheRequestIsToBlameForPutsNothingLast(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic, openai)
	c := first(t, r)
	for _, err := range []error{failure(llm.KindBadRequest), failure(llm.KindTooLarge), failure(llm.KindBadResponse), context.Canceled, errors.New("disk full")} {
		fail(r, c, err, 10)
		require.Equal(t, c.String(), first(t, r).String())
	}
	fail(r, c, failure(llm.KindUnavailable), 4)
	fail(r, c, failure(llm.KindBadRequest), 1) // it answers
	fail(r, c, failure(llm.KindUnavailable), 4)
	require.Equal(t, c.String(), first(t, r).String())
}

func TestARefusedKeyPutsTheServerLastAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, nil, anthropic, openai)
		c := first(t, r)
		r.Report(c, &llm.Error{Kind: llm.KindAuth, Status: 401, Message: "invalid key"}, time.Second)
		all := candidates(t, r, route.Wish{Complex: true})
		require.Equal(t, "openai/gpt-5.6-sol", all[0].String())
		require.Equal(t, "anthropic/claude-opus-5-5 refused the key", all[0].Reason)
		h := r.Health("anthropic", "claude-opus-5-5")
		require.Equal(t, route.Down, h.State)
		require.Contains(t, h.Failure, "invalid key")
		require.Equal(t, time.Now().Add(30*time.Second), h.RetryAt)

		time.Sleep(31 * time.Second)
		c = candidates(t, r, route.Wish{Complex: true})[0]
		require.Equal(t, "anthropic/claude-opus-5-5", c.String())
		r.Report(c, nil, time.Second)
		require.Equal(t, "anthropic/claude-sonnet-5-5", first(t, r).String())
	})
}

func TestAKeyThatMayNotUseAModelPutsTheModelLast(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic, openai)
	r.Report(first(t, r), &llm.Error{Kind: llm.KindAuth, Status: 403}, time.Second)
	require.Equal(t, "openai/gpt-5.6-terra", first(t, r).String())
	require.Equal(t, "anthropic/claude-opus-5-5", candidates(t, r, route.Wish{Complex: true})[0].String())
}

func TestOneTrialAtATimeAndLongerPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, nil, anthropic, openai)
		c := first(t, r)
		fail(r, c, failure(llm.KindUnavailable), 5)
		for _, pause := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			require.Equal(t, time.Now().Add(pause), r.Health(c.Server, c.Model.ID).RetryAt)
			time.Sleep(pause - time.Second)
			require.Equal(t, "openai/gpt-5.6-terra", first(t, r).String())
			time.Sleep(time.Second)
			require.Equal(t, route.Trial, r.Health(c.Server, c.Model.ID).State)
			require.Equal(t, c.String(), first(t, r).String(), "the first to ask tries it")
			require.Equal(t, route.Down, r.Health(c.Server, c.Model.ID).State)
			require.Equal(t, "openai/gpt-5.6-terra", first(t, r).String(), "the second doesn't")
			fail(r, c, failure(llm.KindCut), 1)
		}
		time.Sleep(5 * time.Minute)
		require.Equal(t, c.String(), first(t, r).String())
		r.Report(c, nil, time.Second)
		require.Equal(t, c.String(), first(t, r).String())
		require.Equal(t, c.String(), first(t, r).String())
		require.Equal(t, route.Healthy, r.Health(c.Server, c.Model.ID).State)
	})
}

func TestATrialThatIsNotReportedEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, nil, anthropic, openai)
		c := first(t, r)
		fail(r, c, failure(llm.KindUnavailable), 5)
		time.Sleep(30 * time.Second)
		require.Equal(t, c.String(), first(t, r).String())
		r.Report(c, context.Canceled, 0) // the user cancelled: the next may try
		require.Equal(t, c.String(), first(t, r).String())
		time.Sleep(2*time.Minute - time.Second)
		require.Equal(t, "openai/gpt-5.6-terra", first(t, r).String())
		time.Sleep(time.Second)
		require.Equal(t, c.String(), first(t, r).String())
	})
}

func TestAnEmptyQuotaPutsAModelLastUntilItIsThereAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, nil, anthropic, openai)
		c := first(t, r)
		r.Report(c, &llm.Error{Kind: llm.KindOverloaded, Status: 429, RetryAfter: time.Hour}, 0)
		all := candidates(t, r, route.Wish{})
		require.Equal(t, "openai/gpt-5.6-terra", all[0].String())
		require.Equal(t, "anthropic/claude-sonnet-5-5 has no quota left", all[0].Reason)
		h := r.Health(c.Server, c.Model.ID)
		require.Equal(t, route.Limited, h.State)
		require.Equal(t, time.Now().Add(time.Hour), h.ResetsAt)
		time.Sleep(time.Hour)
		require.Equal(t, c.String(), first(t, r).String())

		r.Report(c, &llm.Error{Kind: llm.KindOverloaded, Status: 429, RetryAfter: 5 * time.Second}, 0)
		require.Equal(t, c.String(), first(t, r).String(), "a short wait changes no model")
	})
}

func TestHealthTellsOfTheLastTwentyCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, nil, anthropic)
		c := first(t, r)
		require.Equal(t, route.Health{State: route.Unknown}, r.Health(c.Server, c.Model.ID))
		fail(r, c, failure(llm.KindUnavailable), 3)
		failed := time.Now()
		time.Sleep(time.Minute)
		r.Report(c, nil, 2*time.Second)
		r.Report(c, nil, 4*time.Second)
		require.Equal(t, route.Health{
			State: route.Healthy, LastSuccess: time.Now(), LastFailure: failed, Failure: "model unavailable: what the vendor said",
			Calls: 5, ErrorRate: 0.6, Latency: 3 * time.Second,
		}, r.Health(c.Server, c.Model.ID))
		for range 18 {
			r.Report(c, nil, time.Second)
		}
		h := r.Health(c.Server, c.Model.ID)
		require.Equal(t, 20, h.Calls)
		require.Zero(t, h.ErrorRate)
		require.Equal(t, failed, h.LastFailure)
	})
}
