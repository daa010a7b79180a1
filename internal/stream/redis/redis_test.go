package redis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/carriertest"
	"github.com/zeblit/zeblit/internal/stream/redis"
)

func TestCarrier(t *testing.T) {
	t.Parallel()
	carriertest.Test(t, func(t *testing.T) (publisher, subscriber stream.Carrier) {
		id := installation()
		return node(t, redistest.URL(t), id), node(t, redistest.URL(t), id)
	})
}

func TestOneNodeIsACarrierToo(t *testing.T) {
	t.Parallel()
	carriertest.Test(t, func(t *testing.T) (publisher, subscriber stream.Carrier) {
		c := node(t, redistest.URL(t), installation())
		return c, c
	})
}

func TestOpenNamesWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "localhost:6379", "http://u:geheim@h:1", "redis://u:geheim@h:x", "redis://u:geheim@h/y?z=1"} {
		_, err := redis.Open(bad)
		require.ErrorContains(t, err, "redis://")
		require.NotContains(t, err.Error(), "geheim")
	}
}

func TestOwnEventsComeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	id := installation()
	a, b := running(t, redistest.URL(t), id), running(t, redistest.URL(t), id)
	here, there := listen(t, a, "prj_a"), listen(t, b, "prj_a")
	here.connected(t)
	there.connected(t)
	healthy(t, a, b)
	var want []int64
	for seq := range int64(500) {
		say(t, a, "prj_a", seq)
		want = append(want, seq)
	}
	there.requireHears(t, want...)
	say(t, b, "prj_a", 500) // its echo and all before have come when this has
	here.requireHears(t, append(want, 500)...)
}

func TestInstallationsDoNotHearEachOther(t *testing.T) {
	t.Parallel()
	one, other := installation(), installation()
	a, b, c := running(t, redistest.URL(t), one), running(t, redistest.URL(t), one), running(t, redistest.URL(t), other)
	here, there := listen(t, b, "prj_a"), listen(t, c, "prj_a")
	here.connected(t)
	there.connected(t)
	healthy(t, a, b, c)
	say(t, a, "prj_a", 1)
	here.requireHears(t, 1)
	say(t, c, "prj_a", 2)
	there.requireHears(t, 2)
	require.Equal(t, []int64{1}, here.heard())
}

func TestChannelsComeAndGo(t *testing.T) {
	t.Parallel()
	server := redistest.Private(t)
	c := running(t, server.URL(), installation())
	healthy(t, c)
	admin := client(t, server.URL())
	channels := func() int {
		names, err := admin.PubSubChannels(t.Context(), "zeblit:*").Result()
		require.NoError(t, err)
		return len(names)
	}
	for range 3 {
		var cancels []func()
		for i := range 1000 {
			nothing := func(stream.Event) {}
			for range 2 {
				cancels = append(cancels, c.Subscribe(fmt.Sprint("prj_", i), nothing, func() {}))
			}
		}
		eventually(t, func() bool { return channels() == 1000 })
		for i, cancel := range cancels {
			if i%2 == 0 {
				cancel()
			}
		}
		require.Equal(t, 1000, channels(), "each has another subscriber")
		for _, cancel := range cancels {
			cancel()
		}
		eventually(t, func() bool { return channels() == 0 })
	}
	clients, err := admin.ClientList(t.Context()).Result()
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(clients, " addr="), "one for all channels, and this one")
	l := listen(t, c, "prj_0")
	l.connected(t)
	require.Equal(t, 1, channels())
}
