package stream

import (
	"time"

	"github.com/zeblit/zeblit/internal/access"
)

// grace is how long a room listens on when its last reader has left: readers that were
// cut off come back and find it as they left it.
const grace = 5 * time.Second

// enter counts the caller in as a reader of the project's room. The first one opens it.
func (h *Hub) enter(handle access.StreamHandle) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	project := handle.Project()
	r := h.rooms[project]
	if r == nil || r.isGone() {
		r = &room{hub: h, handle: handle}
		r.deaf = h.carrier.Subscribe(project, r.hear, r.missed)
		h.rooms[project] = r
		h.counts.rooms.Add(1)
	}
	h.counts.readers.Add(1)
	if r.readers++; r.readers == 1 {
		if r.idle != nil {
			r.idle.Stop()
		}
		r.attend()
	}
	return r
}

// attend begins to look where the log stands, now that somebody wants to know. What
// was known before may have been lost since.
func (r *room) attend() {
	w, unwatch := r.hub.heads.watch(r.handle.Project(), &attendance{r})
	r.mu.Lock()
	w.raise(r.known)
	r.reads.latest = nil
	r.mu.Unlock()
	r.unwatch = unwatch
	r.watched.Store(w)
}

// leave counts a reader out. The last one keeps the room open for a while.
func (h *Hub) leave(r *room) {
	h.mu.Lock()
	h.counts.readers.Add(-1)
	if r.readers--; r.readers > 0 {
		h.mu.Unlock()
		return
	}
	unwatch := r.unwatch
	r.watched.Store(nil)
	gone := r.isGone()
	if !gone {
		r.idle = time.AfterFunc(grace, func() { h.close(r) })
	}
	h.mu.Unlock()
	unwatch()
	if gone {
		h.close(r)
	}
}

// close closes a room that nobody has come back to.
func (h *Hub) close(r *room) {
	h.mu.Lock()
	if r.readers > 0 || r.closed {
		h.mu.Unlock()
		return
	}
	r.closed = true
	if project := r.handle.Project(); h.rooms[project] == r {
		delete(h.rooms, project)
	}
	h.mu.Unlock()
	h.counts.rooms.Add(-1)
	r.deaf()
	r.stop()
}
