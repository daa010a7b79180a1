package providerkey

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/route"
)

func TestTheCacheIsBoundedAndLetsGoOfKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c cache
		first := c.put("first", route.NewKeyed(route.Server{}))
		require.Same(t, first, c.put("first", route.NewKeyed(route.Server{})), "whoever was faster")
		for i := range mostCached + 10 {
			time.Sleep(time.Millisecond)
			require.Same(t, first, c.find("first"))
			c.put(strconv.Itoa(i), route.NewKeyed(route.Server{}))
		}
		require.Len(t, c.of, mostCached)
		require.Same(t, first, c.find("first"), "it is in use")
		require.Nil(t, c.find("0"))

		time.Sleep(idleFor + time.Second)
		c.put("new", route.NewKeyed(route.Server{}))
		require.Len(t, c.of, 1)
		c.drop("new")
		require.Empty(t, c.of)
	})
}
