package route_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/route"
)

func newPlan(t testing.TB, r *route.Router, w route.Wish) *route.Plan {
	t.Helper()
	plan, err := r.Plan(t.Context(), w)
	require.NoError(t, err)
	return plan
}

// lead plays a plan against errors, one a call, and returns what was called and how it
// ended.
func lead(plan *route.Plan, errs ...error) (called []string, last route.Verdict) {
	last = plan.Begin()
	for _, err := range errs {
		if last.Candidate.Provider == nil {
			break
		}
		called = append(called, last.Candidate.String())
		last = plan.After(err)
	}
	return called, last
}

func TestPlanSucceeds(t *testing.T) {
	t.Parallel()
	plan := newPlan(t, newRouter(t, nil, anthropic, openai), route.Wish{})
	v := plan.Begin()
	require.Equal(t, route.Call, v.Action)
	require.Equal(t, "anthropic/claude-sonnet-5-5", v.Candidate.String())
	require.Zero(t, v.Pause)
	require.Equal(t, route.Verdict{Action: route.Done}, plan.After(nil))
	require.Equal(t, route.GiveUp, plan.After(failure(llm.KindCut)).Action, "it is over")
}

func TestPlanByKindOfFailure(t *testing.T) {
	t.Parallel()
	forbidden := &llm.Error{Kind: llm.KindAuth, Status: 403}
	missing := &llm.Error{Kind: llm.KindBadRequest, Status: 404}
	for name, c := range map[string]struct {
		errs   []error
		called []string // numbers of the candidates, by the first letter of their server and their tier
		action route.Action
		next   string
		reason string
	}{
		"overloaded": {[]error{failure(llm.KindOverloaded), failure(llm.KindOverloaded), failure(llm.KindOverloaded)},
			[]string{"a1", "a1", "a1"}, route.Fallback, "o1", "a1 is overloaded"},
		"unavailable": {[]error{failure(llm.KindUnavailable), failure(llm.KindCut), failure(llm.KindUnavailable)},
			[]string{"a1", "a1", "a1"}, route.Fallback, "o1", "a1 did not answer"},
		"one more try": {[]error{failure(llm.KindUnavailable)}, []string{"a1"}, route.Retry, "a1", "it is what the agent usually works with"},
		"key":          {[]error{failure(llm.KindAuth)}, []string{"a1"}, route.Fallback, "o1", "a1 refused the key"},
		"keys":         {[]error{failure(llm.KindAuth), failure(llm.KindAuth)}, []string{"a1", "o1"}, route.GiveUp, "", "o1 refused the key"},
		"forbidden":    {[]error{forbidden, forbidden}, []string{"a1", "o1"}, route.Fallback, "a2", "o1 refused the key"},
		"too large":    {[]error{failure(llm.KindTooLarge)}, []string{"a1"}, route.Fallback, "o1", "a1 can't hold as much"},
		"all too small": {[]error{failure(llm.KindTooLarge), failure(llm.KindTooLarge)}, []string{"a1", "o1"},
			route.GiveUp, "", "o1 can't hold as much"},
		"bad answer":    {[]error{failure(llm.KindBadResponse)}, []string{"a1"}, route.Retry, "a1", "usually"},
		"bad answers":   {[]error{failure(llm.KindBadResponse), failure(llm.KindBadResponse)}, []string{"a1", "a1"}, route.Fallback, "o1", "a1 gave an answer that can't be understood"},
		"bad request":   {[]error{failure(llm.KindBadRequest)}, []string{"a1"}, route.GiveUp, "", "a1 refused the request"},
		"missing model": {[]error{missing}, []string{"a1"}, route.Fallback, "o1", "a1 isn't there"},
		"cancelled":     {[]error{context.Canceled}, []string{"a1"}, route.GiveUp, "", "the call was ended"},
		"foreign":       {[]error{errors.New("disk full")}, []string{"a1"}, route.GiveUp, "", "the call was ended"},
		"unknown kind":  {[]error{failure("new")}, []string{"a1"}, route.GiveUp, "", "a1 refused the request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			short := map[string]string{
				"a1": "anthropic/claude-sonnet-5-5", "o1": "openai/gpt-5.6-terra", "a2": "anthropic/claude-opus-5-5",
			}
			called, last := lead(newPlan(t, newRouter(t, nil, anthropic, openai), route.Wish{}), c.errs...)
			for i, name := range c.called {
				c.called[i] = short[name]
			}
			require.Equal(t, c.called, called)
			require.Equal(t, c.action, last.Action)
			reason := last.Reason
			if c.action != route.GiveUp {
				require.Equal(t, short[c.next], last.Candidate.String())
				reason = last.Candidate.Reason
			} else {
				require.Equal(t, c.errs[len(c.errs)-1], last.Err)
			}
			for from, to := range short {
				if len(c.reason) > 2 && c.reason[:2] == from {
					c.reason = to + c.reason[2:]
				}
			}
			require.Contains(t, reason, c.reason)
		})
	}
}

func TestALastResortIsTriedLonger(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, vllm)
	errs := slices.Repeat([]error{failure(llm.KindUnavailable)}, 10)
	called, last := lead(newPlan(t, r, route.Wish{}), errs...)
	require.Len(t, called, 6)
	require.Equal(t, route.GiveUp, last.Action)
	require.Equal(t, "vllm/qwen did not answer", last.Reason)
}

func TestAQuotaIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, map[route.Tier][]string{route.Standard: {"anthropic/claude-sonnet-5"}, route.Quick: {"openai/gpt-5-mini"}, route.Complex: {"openai/gpt-5-mini"}},
			server("anthropic", "claude-sonnet-5", "claude-sonnet-5"), server("openai", "gpt-5-mini", "gpt-5-mini"))
		quota := func(after time.Duration) error {
			return &llm.Error{Kind: llm.KindOverloaded, Status: 429, RetryAfter: after}
		}
		start := time.Now()

		plan := newPlan(t, r, route.Wish{})
		v := plan.Begin()
		r.Report(v.Candidate, quota(2*time.Hour), 0)
		v = plan.After(quota(2 * time.Hour))
		require.Equal(t, route.Fallback, v.Action)
		require.Equal(t, "openai/gpt-5-mini", v.Candidate.String())
		require.Equal(t, "anthropic/claude-sonnet-5 has no quota left", v.Candidate.Reason)
		r.Report(v.Candidate, quota(time.Hour), 0)
		v = plan.After(quota(time.Hour))
		require.Equal(t, route.Verdict{Action: route.Wait, Until: start.Add(time.Hour), Reason: "openai/gpt-5-mini has no quota left"}, v)

		time.Sleep(30 * time.Minute)
		v = newPlan(t, r, route.Wish{}).Begin()
		require.Equal(t, route.Wait, v.Action, "another run waits from the start")
		require.Equal(t, start.Add(time.Hour), v.Until)

		time.Sleep(30*time.Minute - 10*time.Second)
		v = newPlan(t, r, route.Wish{}).Begin()
		require.Equal(t, route.Call, v.Action, "a short wait is a pause")
		require.Equal(t, 10*time.Second, v.Pause)
		require.Equal(t, "openai/gpt-5-mini", v.Candidate.String())
	})
}

func TestAShortWaitIsAPause(t *testing.T) {
	t.Parallel()
	plan := newPlan(t, newRouter(t, nil, anthropic, openai), route.Wish{})
	first := plan.Begin().Candidate
	v := plan.After(&llm.Error{Kind: llm.KindOverloaded, Status: 429, RetryAfter: 7 * time.Second})
	require.Equal(t, route.Retry, v.Action)
	require.Equal(t, first, v.Candidate)
	require.GreaterOrEqual(t, v.Pause, 7*time.Second)
}

// Whatever fails: a plan ends, never goes back, calls nobody again who refused the key,
// and gives up only when everybody was called who could be.
func TestPlansEndAndLeaveNobodyOut(t *testing.T) {
	t.Parallel()
	kinds := []llm.Kind{llm.KindOverloaded, llm.KindUnavailable, llm.KindCut, llm.KindAuth, llm.KindTooLarge, llm.KindBadResponse}
	rapid.Check(t, func(t *rapid.T) {
		var (
			servers []route.Server
			list    []string
			entries string
			window  = map[string]int{}
		)
		for i := range rapid.IntRange(1, 4).Draw(t, "servers") {
			s := server(fmt.Sprintf("s%d", i), "m0", "m0", "m1", "m2")
			servers = append(servers, s)
			for _, m := range s.Models {
				name := s.Name + "/" + m
				window[name] = rapid.SampledFrom([]int{0, 1000, 2000, 3000}).Draw(t, "window")
				if window[name] > 0 {
					entries += fmt.Sprintf(`,{"provider":%q,"id":%q,"contextWindow":%d}`, s.Name, m, window[name])
				}
				list = append(list, name)
			}
		}
		list = rapid.Permutation(list).Draw(t, "list")
		list = list[:rapid.IntRange(1, len(list)).Draw(t, "listed")]
		known, err := catalogue.New([]byte("[" + trimComma(entries) + "]"))
		require.NoError(t, err)
		models := map[route.Tier][]string{route.Quick: list, route.Standard: list, route.Complex: list}
		r, err := route.New(route.Options{Servers: servers, Catalogue: known, Models: models, Backoff: llm.Backoff{Rand: func() float64 { return 0 }}})
		require.NoError(t, err)
		all, err := r.Candidates(context.Background(), route.Wish{})
		require.NoError(t, err)
		plan, err := r.Plan(context.Background(), route.Wish{})
		require.NoError(t, err)

		var (
			place   = -1
			calls   = map[string]int{}
			refused = map[string]bool{} // servers and models
			limited = map[string]bool{}
			least   = -1 // windows must be above it
		)
		v := plan.Begin()
		for range 6*len(all) + 1 {
			if v.Action == route.GiveUp || v.Action == route.Wait || v.Action == route.Done {
				break
			}
			c := v.Candidate
			at := slices.IndexFunc(all, func(o route.Candidate) bool { return o.String() == c.String() })
			require.GreaterOrEqual(t, at, place, "it went back to %s", c)
			require.Equal(t, at == place, v.Action == route.Retry)
			place = at
			calls[c.String()]++
			require.False(t, refused[c.Server] || refused[c.String()], "%s refused the key", c)
			require.False(t, limited[c.String()], "%s has no quota", c)
			require.Greater(t, window[c.String()], least, "%s can't hold it", c)

			e := &llm.Error{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
			switch e.Kind {
			case llm.KindAuth:
				e.Status = rapid.SampledFrom([]int{401, 403}).Draw(t, "status")
				refused[c.String()] = true
				refused[c.Server] = refused[c.Server] || e.Status == 401
			case llm.KindTooLarge:
				least = max(least, window[c.String()])
			case llm.KindOverloaded:
				if e.RetryAfter = rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour}).Draw(t, "after"); e.RetryAfter == time.Hour {
					limited[c.String()] = true
				}
			}
			if rapid.Bool().Draw(t, "reported") {
				r.Report(c, e, time.Second)
			}
			v = plan.After(e)
		}
		require.Contains(t, []route.Action{route.GiveUp, route.Wait}, v.Action)
		waits := false
		for _, c := range all {
			out := refused[c.Server] || refused[c.String()] || window[c.String()] <= least
			require.True(t, calls[c.String()] > 0 || out, "%s was left out", c)
			waits = waits || limited[c.String()] && !out
		}
		require.Equal(t, waits, v.Action == route.Wait)
		require.Equal(t, route.GiveUp, plan.After(nil).Action)
	})
}

func trimComma(s string) string {
	if s == "" {
		return s
	}
	return s[1:]
}
