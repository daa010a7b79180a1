package ratelimit_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/ratelimit"
	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/stream/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tests atomic.Int64

func client(t *testing.T, url string) *goredis.Client {
	t.Helper()
	c, err := redis.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c.WithTimeout(time.Minute) // a busy machine is no broken Redis
}

// each runs the test over memory and over Redis. open makes a limiter with buckets
// that no other test has; further calls share them where that can be.
func each(t *testing.T, test func(t *testing.T, open func() *ratelimit.Limiter)) {
	logger := slog.New(slog.DiscardHandler)
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		l, err := ratelimit.NewMemory(logger)
		require.NoError(t, err)
		test(t, func() *ratelimit.Limiter { return l })
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		c, prefix := client(t, redistest.URL(t)), fmt.Sprintf("test:%d:%d:", time.Now().UnixNano(), tests.Add(1))
		test(t, func() *ratelimit.Limiter {
			return ratelimit.Patient(ratelimit.NewRedis(c, prefix, logger))
		})
	})
}

func requireLimited(t *testing.T, err error) time.Duration {
	t.Helper()
	require.True(t, problem.Is(err, problem.RateLimited), "%v", err)
	return problem.As(err).RetryAfter
}

func TestBurstThenRefill(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open func() *ratelimit.Limiter) {
		l, rate := open(), ratelimit.Rate{Count: 3, Per: 3 * time.Second}
		began, taken := time.Now(), 0
		var err error
		for err = l.Allow(t.Context(), "a", rate, "k"); err == nil; err = l.Allow(t.Context(), "a", rate, "k") {
			taken++
		}
		require.GreaterOrEqual(t, taken, 3)
		require.LessOrEqual(t, taken, 3+int(time.Since(began)/time.Second)) // a slow machine sees some come back
		require.ErrorContains(t, err, "1 second")
		after := requireLimited(t, err)
		require.Positive(t, after)
		require.LessOrEqual(t, after, time.Second)
		time.Sleep(after + 5*time.Millisecond)
		require.NoError(t, l.Allow(t.Context(), "a", rate, "k"), "after the time that it said")
	})
}

func TestRetryAfterOfASlowRate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open func() *ratelimit.Limiter) {
		l, rate := open(), ratelimit.Rate{Count: 5, Per: 5 * time.Minute}
		for range 5 {
			require.NoError(t, l.Allow(t.Context(), "sign-in", rate, "ada@example.com"))
		}
		for range 3 { // being refused costs nothing
			after := requireLimited(t, l.Allow(t.Context(), "sign-in", rate, "ada@example.com"))
			require.InDelta(t, 60, after.Seconds(), 30)
		}
	})
}

func TestBucketsAreIndependent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open func() *ratelimit.Limiter) {
		l, rate := open(), ratelimit.Rate{Count: 1, Per: time.Hour}
		long := strings.Repeat("x", 1<<20)
		for _, key := range []string{"", "a", "b", "a\x00", "a:b", "* \r\n DEL", long, long + "y"} {
			for _, name := range []string{"one", "two"} {
				require.NoError(t, l.Allow(t.Context(), name, rate, key))
				requireLimited(t, l.Allow(t.Context(), name, rate, key))
			}
		}
		require.NoError(t, l.Allow(t.Context(), "one", ratelimit.Rate{Count: 2, Per: time.Hour}, "a"), "a changed setting")
	})
}

// TestManyAtOnce takes no more than the bucket holds, however many come together,
// and over two limiters.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open func() *ratelimit.Limiter) {
		limiters, rate := []*ratelimit.Limiter{open(), open()}, ratelimit.Rate{Count: 10, Per: time.Hour}
		var allowed atomic.Int64
		var work sync.WaitGroup
		for i := range 60 {
			work.Go(func() {
				if limiters[i%2].Allow(t.Context(), "a", rate, "k") == nil {
					allowed.Add(1)
				}
			})
		}
		work.Wait()
		require.EqualValues(t, 10, allowed.Load())
	})
}

// distant is a Redis whose answers take a while.
type distant struct{}

func (distant) DialHook(next goredis.DialHook) goredis.DialHook { return next }
func (distant) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		time.Sleep(5 * time.Millisecond)
		return next(ctx, cmd)
	}
}

func (distant) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		time.Sleep(5 * time.Millisecond)
		return next(ctx, cmds)
	}
}

// TestABurstOverADistantRedis refuses nobody for whom there is one, and lets no more
// through than there are.
func TestABurstOverADistantRedis(t *testing.T) {
	t.Parallel()
	c, log := client(t, redistest.URL(t)), &warnings{}
	c.AddHook(distant{})
	l := ratelimit.Patient(ratelimit.NewRedis(c, fmt.Sprintf("test:%d:%d:", time.Now().UnixNano(), tests.Add(1)), slog.New(log)))
	rate := ratelimit.Rate{Count: 1000, Per: 24 * time.Hour}
	var allowed atomic.Int64
	var work sync.WaitGroup
	for range 3000 {
		work.Go(func() {
			if l.Allow(t.Context(), "a", rate, "k") == nil {
				allowed.Add(1)
			}
		})
	}
	work.Wait()
	require.EqualValues(t, 1000, allowed.Load())
	require.Zero(t, log.n.Load(), "the store has answered")
}

func TestAClientThatHangsUpPaysToo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open func() *ratelimit.Limiter) {
		l, rate := open(), ratelimit.Rate{Count: 1, Per: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, l.Allow(ctx, "a", rate, "k"))
		requireLimited(t, l.Allow(ctx, "a", rate, "k"))
	})
}

func TestNilAllows(t *testing.T) {
	t.Parallel()
	var l *ratelimit.Limiter
	for range 10 {
		require.NoError(t, l.Allow(t.Context(), "a", ratelimit.Rate{Count: 1, Per: time.Hour}, "k"))
	}
}

// warnings counts log records.
type warnings struct {
	slog.Handler
	n atomic.Int64
}

func (w *warnings) Handle(context.Context, slog.Record) error {
	w.n.Add(1)
	return nil
}

func (w *warnings) Enabled(context.Context, slog.Level) bool { return true }

func TestRedisThatIsAwayAllows(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*redistest.Server){
		"stopped": (*redistest.Server).Stop,
		"hanging": (*redistest.Server).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, log := redistest.Private(t), &warnings{}
			c := client(t, server.URL())
			l, rate := ratelimit.NewRedis(c, "test:", slog.New(log)), ratelimit.Rate{Count: 1, Per: time.Hour}
			before := ratelimit.Patient(ratelimit.NewRedis(c, "test:", slog.New(log)))
			require.NoError(t, before.Allow(t.Context(), "a", rate, "k"))
			requireLimited(t, before.Allow(t.Context(), "a", rate, "k"))
			breaks(server)
			began := time.Now()
			for range 200 {
				require.NoError(t, l.Allow(t.Context(), "a", rate, "k"))
			}
			t.Log("200 calls took", time.Since(began))
			var work sync.WaitGroup
			for range 50 {
				work.Go(func() { require.NoError(t, l.Allow(t.Context(), "a", rate, "k")) })
			}
			work.Wait()
			require.EqualValues(t, 1, log.n.Load(), "a line a minute")
			if name == "stopped" {
				server.Start()
			} else {
				server.Resume()
			}
			require.Eventually(t, func() bool {
				return l.Allow(t.Context(), "a", rate, "k") != nil
			}, time.Minute, 10*time.Millisecond, "limits hold again")
		})
	}
}

func TestKeysInRedisEnd(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	c := client(t, server.URL())
	l := ratelimit.Patient(ratelimit.NewRedis(c, "zeblit:ins_1:limits:", slog.New(slog.DiscardHandler)))
	for range 2 {
		require.NoError(t, l.Allow(t.Context(), "sign-in", ratelimit.Rate{Count: 5, Per: 5 * time.Minute}, "ada@example.com"))
		keys, err := c.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		require.Len(t, keys, 1)
		require.True(t, strings.HasPrefix(keys[0], "zeblit:ins_1:limits:sign-in:"), keys[0])
		require.NotContains(t, keys[0], "ada")
		ttl, err := c.TTL(t.Context(), keys[0]).Result()
		require.NoError(t, err)
		require.Positive(t, ttl)
		require.LessOrEqual(t, ttl, 5*time.Minute)
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]ratelimit.Rate{
		"5/5m":       {Count: 5, Per: 5 * time.Minute},
		"3/1h":       {Count: 3, Per: time.Hour},
		"6000/1m":    {Count: 6000, Per: time.Minute},
		"1/1s":       {Count: 1, Per: time.Second},
		"10/1h30m":   {Count: 10, Per: 90 * time.Minute},
		"2/1m30s":    {Count: 2, Per: 90 * time.Second},
		"7/24h":      {Count: 7, Per: 24 * time.Hour},
		"10/10s":     {Count: 10, Per: 10 * time.Second},
		"1000000/1h": {Count: 1_000_000, Per: time.Hour},
	} {
		got, err := ratelimit.ParseRate(s)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, s, got.String())
	}
	for s, hint := range map[string]string{
		"": "5/5m", "5": "5/5m", "/5m": "number", "0/5m": "from 1", "-1/5m": "from 1", "x/5m": "number", "1000001/1h": "to 1000000",
		"5/": "24h", "5/m": "1s", "5/5": "1s", "5/0s": "1s", "5/25h": "24h", "5/10ms": "1s",
	} {
		_, err := ratelimit.ParseRate(s)
		require.ErrorContains(t, err, hint, s)
	}
}

func BenchmarkAllow(b *testing.B) {
	rate := ratelimit.Rate{Count: 1_000_000, Per: time.Second}
	logger := slog.New(slog.DiscardHandler)
	b.Run("memory", func(b *testing.B) {
		l, err := ratelimit.NewMemory(logger)
		require.NoError(b, err)
		for i := 0; b.Loop(); i++ {
			require.NoError(b, l.Allow(b.Context(), "a", rate, "203.0.113.7"))
		}
	})
	b.Run("redis", func(b *testing.B) {
		c, err := redis.Open(redistest.URL(b))
		require.NoError(b, err)
		defer func() { require.NoError(b, c.Close()) }()
		l := ratelimit.NewRedis(c, fmt.Sprintf("bench:%d:", time.Now().UnixNano()), logger)
		for i := 0; b.Loop(); i++ {
			require.NoError(b, l.Allow(b.Context(), "a", rate, "203.0.113.7"))
		}
	})
}
