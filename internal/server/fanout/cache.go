package fanout

import (
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// A group of so many members keeps so many bytes of what was encoded for each, and
	// so many at most: whoever comes back, or is a little behind, finds it.
	keptFrom    = 20
	keptForEach = 512
	keptMost    = 256 << 10
	// keptReplaying is what it keeps while several members catch up at once.
	keptReplaying = 1 << 20
	// resultBytes is what a result takes beside its payload, about.
	resultBytes = 256
)

// key names a result. The number alone doesn't name an event: a STREAM_RESET has the
// number of another one, and after the database was set back a number comes again.
type key struct {
	seq   int64
	at    int64 // in Unix nanoseconds
	reset bool
	whose string // the viewer's; "" for a result that all share
}

func keyOf(e stream.Event) key {
	return key{seq: e.Seq, at: e.At.UnixNano(), reset: e.Type == enum.EventStreamReset}
}

// by is the key of a viewer's own result.
func (k key) by(v *access.Viewer) key {
	k.whose = "nobody"
	if v != nil {
		k.whose = strings.Join([]string{"viewer", v.UserID, v.SessionID, v.KeyID, v.Agent}, " ")
	}
	return k
}

// result is what came of executing an event: what is told of it, or why that ends the
// subscription. Of a shared execution that failed it is neither.
type result struct {
	encoding *Encoding
	errs     gqlerror.List
	bytes    int
	done     chan struct{} // of one that others may wait for
	quit     bool          // who made it was called away: another one begins anew
}

// cache keeps the latest results of a group, up to a number of bytes.
type cache struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	results map[key]*result
	order   []key // of those that are finished, the oldest first
}

func newCache() *cache { return &cache{results: map[key]*result{}} }

// get finds a finished result of all members.
func (c *cache) get(k key) *result {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.results[k]
}

// put keeps what all members are told, if anything is kept now.
func (c *cache) put(k key, encoding *Encoding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit > 0 {
		c.keep(k, &result{encoding: encoding})
	}
}

// begin finds the result of one viewer, which may not be finished, or makes room for
// it: mine says that the caller makes it and calls finish.
func (c *cache) begin(k key) (r *result, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.results[k]; r != nil {
		return r, false
	}
	r = &result{done: make(chan struct{})}
	c.results[k] = r
	return r, true
}

// finish ends what begin has begun. Unless something is told, another one may begin it.
func (c *cache) finish(k key, r *result, made result, told bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(r.done)
	if r.quit = !told; r.quit {
		delete(c.results, k)
		return
	}
	r.encoding, r.errs = made.encoding, made.errs
	c.keep(k, r)
}

func (c *cache) keep(k key, r *result) {
	r.bytes = resultBytes
	if r.encoding != nil {
		r.bytes += len(r.encoding.Payload)
	}
	c.results[k] = r
	c.order = append(c.order, k)
	c.bytes += r.bytes
	c.trim()
}

// resize changes how many bytes are kept.
func (c *cache) resize(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = limit
	c.trim()
}

func (c *cache) trim() {
	n := 0
	for ; c.bytes > c.limit && n < len(c.order); n++ {
		c.bytes -= c.results[c.order[n]].bytes
		delete(c.results, c.order[n])
	}
	clear(c.order[:n])
	if c.order = c.order[n:]; len(c.order) == 0 {
		c.order = nil
	}
}

// resize fits what the group keeps to how many it is kept for.
func (g *group) resize() {
	limit := 0
	switch n := len(g.members); {
	case g.replaying > 1:
		limit = keptReplaying
	case n >= keptFrom:
		limit = min(keptMost, keptForEach*n)
	}
	g.made.resize(limit)
}
