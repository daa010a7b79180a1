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

// The short form: two servers and three workers on PostgreSQL and Redis.
func TestNothingIsLostWhateverDies(t *testing.T) {
	t.Parallel()
	_, v, err := faulttest.Run(t.Context(), t, options(t), faulttest.Plan{
		Projects: 6, Conversations: 2, Settle: 90 * time.Second,
		Disturb: func(ctx context.Context, s *faulttest.Suite) error { return s.Short(ctx, 40) },
	})
	judge(t, v, err)
	require.GreaterOrEqual(t, v.Kills, 30)
}

// The smaller one: a single server, which works too, on SQLite.
func TestNothingIsLostWhenTheOnlyServerDies(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.SQLite = true
	_, v, err := faulttest.Run(t.Context(), t, o, faulttest.Plan{
		Projects: 3, Conversations: 2, Settle: 90 * time.Second,
		Disturb: func(ctx context.Context, s *faulttest.Suite) error { return s.Kill(ctx, 12) },
	})
	judge(t, v, err)
	require.GreaterOrEqual(t, v.Kills, 10)
}

func TestThisBuildHasNoCrashPoints(t *testing.T) {
	t.Setenv("ZEBLIT_FAULT", faults.RunClaimed)
	require.False(t, faults.Enabled)
	for _, name := range faults.Names() {
		faults.Point(name) // and we are still here
		require.Equal(t, strings.ToLower(name), name)
	}
}
