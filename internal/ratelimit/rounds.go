package ratelimit

import (
	"sync"
	"time"
)

// rounds ask for one bucket one after another. Who comes while it is asked for shares
// the next question with all others that do, so that many at once cost two questions,
// and can neither wait for each other nor use up the store's connections.
type rounds struct {
	mu sync.Mutex
	// next is who waits, by bucket. A bucket that is being asked for is in it, with nil
	// while nobody waits.
	next map[string]*round
}

type round struct {
	start   chan struct{} // closed when the first may ask for all
	done    chan struct{} // closed when what follows is there
	n       int           // who takes part
	granted int           // the first so many of them get theirs
	after   time.Duration // when the others should try again
}

// take joins a round for key. ask is called by its first, with how many are in it.
func (r *rounds) take(key string, ask func(n int) (granted int, after time.Duration)) (ok bool, after time.Duration) {
	mine, place := r.join(key)
	if place > 1 {
		<-mine.done
		return place <= mine.granted, mine.after
	}
	<-mine.start
	r.mu.Lock()
	r.next[key] = nil // who comes from now on is in the next
	r.mu.Unlock()
	defer r.finish(key, mine)
	mine.granted, mine.after = ask(mine.n)
	return mine.granted > 0, mine.after
}

func (r *rounds) join(key string) (mine *round, place int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = map[string]*round{}
	}
	mine, busy := r.next[key]
	if mine == nil {
		mine = &round{start: make(chan struct{}), done: make(chan struct{})}
		r.next[key] = mine
		if !busy {
			close(mine.start)
		}
	}
	mine.n++
	return mine, mine.n
}

func (r *rounds) finish(key string, mine *round) {
	close(mine.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if next := r.next[key]; next != nil {
		close(next.start)
	} else {
		delete(r.next, key)
	}
}
