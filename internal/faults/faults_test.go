package faults_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

func TestMain(m *testing.M) {
	var err error
	if binaries, err = os.MkdirTemp("", "zeblit-faults-"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(binaries)
		os.Exit(code)
	}))
}

// seed makes the short form the same each time, as far as processes let it be.
const seed = 5

// build makes the program once. ZEBLIT_FAULT_SOURCE names another tree than this one:
// mutants.sh tries broken ones.
var build = sync.OnceValues(func() (string, error) {
	return faulttest.Build(binaries, os.Getenv("ZEBLIT_FAULT_SOURCE"))
})

// clients makes the program with other people's clients once. Where Node or its packages
// are not installed the suite watches without them, and says so.
var clients = sync.OnceValues(func() (string, error) { return faulttest.BuildClients(binaries) })

var binaries string // a folder for this test process

func options(t *testing.T) faulttest.Options {
	t.Helper()
	binary, err := build()
	require.NoError(t, err)
	return faulttest.Options{Dir: t.TempDir(), Binary: binary, Seed: seed, Pace: 6 * time.Millisecond, Logf: t.Logf}
}

// judge prints the numbers, which are the point of the test.
func judge(t *testing.T, v *faulttest.Verdict, err error) {
	t.Helper()
	if v != nil {
		t.Log(v)
	}
	require.NoError(t, err)
	require.True(t, v.Good())
	require.Positive(t, v.Counted, "the counting tools were never used")
}

const (
	// leastDelivered is how many events watchers receive in the short form.
	leastDelivered = 50_000
	// unsettled is how long it goes on disturbing them for that.
	unsettled = time.Minute
)

// The short form: two servers and three workers on PostgreSQL and Redis, and watchers of
// every kind.
func TestNothingIsLostWhateverDies(t *testing.T) {
	t.Parallel()
	o := options(t)
	var err error
	if o.Clients, err = clients(); err != nil {
		t.Logf("without graphql-ws, Apollo Client and graphql-sse: %v", err)
	}
	_, v, err := faulttest.Run(t.Context(), t, o, faulttest.Plan{
		Projects: 6, Conversations: 2, Watchers: 16, Chat: 4, Settle: 4 * time.Minute,
		Disturb: func(ctx context.Context, s *faulttest.Suite) error {
			if err := s.Short(ctx, 40); err != nil {
				return err
			}
			enough := func() bool {
				delivered, _ := s.Load.Delivered()
				return delivered >= leastDelivered
			}
			begun := time.Now()
			err := s.Unsettle(ctx, func() bool { return enough() || time.Since(begun) > unsettled })
			if err == nil {
				err = s.Await(ctx, 10*time.Minute, enough) // a slow machine delivers the rest in peace
			}
			s.LoseRedis() // the last events come without it
			return err
		},
	})
	judge(t, v, err)
	require.GreaterOrEqual(t, v.Kills, 30)
	require.GreaterOrEqual(t, v.Delivered, leastDelivered)
	require.Positive(t, v.Resumed)
}

// The smaller one: a single server, which works too, on SQLite.
func TestNothingIsLostWhenTheOnlyServerDies(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.SQLite = true
	_, v, err := faulttest.Run(t.Context(), t, o, faulttest.Plan{
		Projects: 3, Conversations: 2, Settle: 4 * time.Minute,
		Disturb: func(ctx context.Context, s *faulttest.Suite) error { return s.Kill(ctx, 12) },
	})
	judge(t, v, err)
	require.GreaterOrEqual(t, v.Kills, 10)
}

// The short form of the trial of budgets, once on each database.
func TestNoBudgetIsOverspent(t *testing.T) {
	t.Parallel()
	for name, sqlite := range map[string]bool{"postgres": false, "sqlite": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.SQLite = sqlite
			spent, err := faulttest.Spend(t.Context(), t, o)
			if spent != nil {
				t.Log(spent)
			}
			require.NoError(t, err)
			require.True(t, spent.Good())
			require.Positive(t, spent.Abandoned, "nobody died between reserving and settling")
		})
	}
}

func TestThisBuildHasNoCrashPoints(t *testing.T) {
	t.Setenv("ZEBLIT_FAULT", faults.RunClaimed)
	require.False(t, faults.Enabled)
	for _, name := range faults.Names() {
		faults.Point(name) // and we are still here
		require.Equal(t, strings.ToLower(name), name)
	}
}
