package redis_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/redis"
)

// pair is two nodes of which the second hears the first.
type pair struct {
	server         *redistest.Server
	speaker, hears *redis.Carrier
	ear            *ear
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{server: redistest.Private(t)}
	id := installation()
	p.speaker, p.hears = running(t, p.server.URL(), id), running(t, p.server.URL(), id)
	p.ear = listen(t, p.hears, "prj_a")
	p.ear.connected(t)
	healthy(t, p.speaker, p.hears)
	say(t, p.speaker, "prj_a", 1)
	p.ear.requireHears(t, 1)
	return p
}

// works shows that event seq gets through, after the others.
func (p *pair) works(t *testing.T, seq int64) {
	t.Helper()
	healthy(t, p.speaker, p.hears)
	eventually(t, func() bool {
		return p.speaker.Publish(t.Context(), []stream.Event{event("prj_a", seq)}) == nil
	})
	eventually(t, func() bool {
		heard := p.ear.heard()
		return heard[len(heard)-1] == seq
	})
}

func TestRestartOfRedis(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	gaps := p.ear.missed()
	p.server.Stop()
	eventually(t, func() bool { return !p.hears.Healthy() && !p.speaker.Healthy() })
	eventually(t, func() bool { return p.ear.missed() > gaps })
	gaps = p.ear.missed()
	own := listen(t, p.speaker, "prj_a")
	for seq := range int64(100) {
		_ = p.speaker.Publish(t.Context(), []stream.Event{event("prj_a", 2+seq)})
	}
	require.Len(t, own.heard(), 100, "its own subscribers need no Redis")
	eventually(t, func() bool {
		return errors.Is(p.speaker.Publish(t.Context(), []stream.Event{event("prj_a", 102)}), stream.ErrCarrierDown)
	})
	p.server.Start()
	eventually(t, p.hears.Healthy)
	require.Greater(t, p.ear.missed(), gaps, "told before it counts as healthy")
	p.works(t, 103)
}

func TestLostEventsAreMadeKnown(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.server.Stop()
	eventually(t, func() bool {
		return errors.Is(p.speaker.Publish(t.Context(), []stream.Event{event("prj_b", 1)}), stream.ErrCarrierDown)
	})
	other := listen(t, p.hears, "prj_b")
	p.server.Start()
	healthy(t, p.speaker, p.hears)
	p.works(t, 2)
	require.Empty(t, other.heard())
	require.Positive(t, other.missed())
}

func TestHangingRedis(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	gaps := p.ear.missed()
	p.server.Pause()
	big := event("prj_b", 1)
	big.Payload = json.RawMessage(`"` + strings.Repeat("x", 50<<10) + `"`)
	for range 2000 { // far more than the queue and the sockets hold
		_ = p.speaker.Publish(t.Context(), []stream.Event{big})
	}
	time.Sleep(6 * time.Second) // longer than the silence that is allowed
	eventually(t, func() bool { return !p.hears.Healthy() && !p.speaker.Healthy() })
	eventually(t, func() bool { return p.ear.missed() > gaps })
	eventually(t, func() bool {
		return errors.Is(p.speaker.Publish(t.Context(), []stream.Event{big}), stream.ErrCarrierDown)
	})
	gaps = p.ear.missed()
	p.server.Resume()
	p.works(t, 2)
	require.Greater(t, p.ear.missed(), gaps)
}

func TestConnectionIsKilled(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	admin := client(t, p.server.URL())
	for seq := int64(2); seq < 7; seq++ {
		gaps := p.ear.missed()
		n, err := admin.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result()
		require.NoError(t, err)
		require.EqualValues(t, 1, n, "one connection of the node that listens")
		eventually(t, func() bool { return p.ear.missed() >= gaps+2 }) // broken, and back
		p.works(t, seq)
	}
	n, err := admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Result()
	require.NoError(t, err)
	require.Positive(t, n)
	p.works(t, 7) // the publisher's connection too
}

func TestFlushAll(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	require.NoError(t, client(t, p.server.URL()).FlushAll(t.Context()).Err())
	say(t, p.speaker, "prj_a", 2)
	p.ear.requireHears(t, 1, 2)
}

func TestStartWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	server.Stop()
	id := installation()
	a, b := running(t, server.URL(), id), running(t, server.URL(), id)
	l := listen(t, b, "prj_a")
	require.False(t, b.Healthy())
	server.Start()
	healthy(t, a, b)
	l.connected(t)
	say(t, a, "prj_a", 1)
	l.requireHears(t, 1)
}

func TestStrangeMessagesCountAsLost(t *testing.T) {
	t.Parallel()
	id := installation()
	c := running(t, redistest.URL(t), id)
	l := listen(t, c, "prj_a")
	l.connected(t)
	healthy(t, c)
	admin := client(t, redistest.URL(t))
	for _, strange := range []string{"", "x", "\x02from a later version", "\x01nodenode\xff\xff"} {
		gaps := l.missed()
		require.NoError(t, admin.Publish(t.Context(), "zeblit:"+id+":events:prj_a", strange).Err())
		eventually(t, func() bool { return l.missed() == gaps+1 })
	}
	require.Empty(t, l.heard())
	require.True(t, c.Healthy())
}

func TestManyAndLargeEvents(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	const n = 400
	payload := json.RawMessage(`"` + strings.Repeat("y", 55<<10) + `"`)
	for seq := int64(2); seq < n; seq++ {
		e := event("prj_a", seq)
		e.Payload = payload
		eventually(t, func() bool { return p.speaker.Publish(t.Context(), []stream.Event{e}) == nil })
	}
	eventually(t, func() bool { return len(p.ear.heard()) == n-1 })
	for i, seq := range p.ear.heard() {
		require.EqualValues(t, i+1, seq)
	}
}
