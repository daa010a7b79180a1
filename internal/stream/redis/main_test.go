package redis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var installations atomic.Int64

// installation is an id that no other test has, also on a Redis that others use.
func installation() string {
	return fmt.Sprintf("ins_%d_%d", time.Now().UnixNano(), installations.Add(1))
}

func client(t *testing.T, url string) *goredis.Client {
	t.Helper()
	c, err := redis.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c.WithTimeout(time.Minute) // a busy machine is no broken Redis
}

func node(t *testing.T, url, installation string) *redis.Carrier {
	t.Helper()
	return redis.New(client(t, url), installation, slog.New(slog.DiscardHandler))
}

// running is a node whose Run ends with the test, and before its client is closed.
func running(t *testing.T, url, installation string) *redis.Carrier {
	t.Helper()
	c := node(t, url, installation)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return c
}

func healthy(t *testing.T, carriers ...*redis.Carrier) {
	t.Helper()
	for _, c := range carriers {
		eventually(t, c.Healthy)
	}
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	require.Eventually(t, is, time.Minute, 5*time.Millisecond)
}

// ear notes what a subscription is told.
type ear struct {
	mu   sync.Mutex
	seqs []int64
	gaps int
}

func listen(t *testing.T, c *redis.Carrier, project string) *ear {
	t.Helper()
	e := &ear{}
	t.Cleanup(c.Subscribe(project, e.hear, e.gap))
	return e
}

func (e *ear) hear(event stream.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seqs = append(e.seqs, event.Seq)
}

func (e *ear) gap() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gaps++
}

func (e *ear) heard() []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]int64(nil), e.seqs...)
}

func (e *ear) missed() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gaps
}

// connected waits until the subscription is known to Redis.
func (e *ear) connected(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return e.missed() > 0 })
}

func (e *ear) requireHears(t *testing.T, seqs ...int64) {
	t.Helper()
	eventually(t, func() bool { return len(e.heard()) >= len(seqs) })
	require.Equal(t, seqs, e.heard())
}

func event(project string, seq int64) stream.Event {
	return stream.Event{
		Project: project, Seq: seq, Type: enum.EventMessageDelta, RunID: "run_1",
		At: time.UnixMicro(1_700_000_000_000_000 + seq).UTC(), Payload: json.RawMessage(fmt.Sprintf(`{"v":%d}`, seq)),
	}
}

// say publishes until it is taken.
func say(t *testing.T, c *redis.Carrier, project string, seq int64) {
	t.Helper()
	require.NoError(t, c.Publish(t.Context(), []stream.Event{event(project, seq)}))
}
