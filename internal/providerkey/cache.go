package providerkey

import (
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/llm/route"
)

const (
	mostCached = 1000      // providers that are kept for the next call
	idleFor    = time.Hour // after which one is let go, and its key with it
)

// cache keeps the providers that were made with a key, by the id of the key's row,
// which doesn't change. The zero value is empty.
type cache struct {
	mu sync.Mutex
	of map[string]*cached
}

type cached struct {
	keyed *route.Keyed
	used  time.Time
}

func (c *cache) find(id string) *route.Keyed {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.of[id]
	if found == nil {
		return nil
	}
	found.used = time.Now()
	return found.keyed
}

// put keeps k, unless another was faster, and returns what is kept.
func (c *cache) put(id string, k *route.Keyed) *route.Keyed {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.of[id]; found != nil {
		return found.keyed
	}
	if c.of == nil {
		c.of = map[string]*cached{}
	}
	now := time.Now()
	oldest := ""
	for other, e := range c.of {
		if now.Sub(e.used) > idleFor {
			delete(c.of, other)
		} else if oldest == "" || e.used.Before(c.of[oldest].used) {
			oldest = other
		}
	}
	if len(c.of) >= mostCached {
		delete(c.of, oldest)
	}
	c.of[id] = &cached{k, now}
	return k
}

func (c *cache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, id)
}
