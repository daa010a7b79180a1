package ratelimit

import (
	"context"
	"sync"
)

// locks holds one lock for each key that is in use.
type locks struct {
	mu   sync.Mutex
	held map[string]*keyLock
}

type keyLock struct {
	free  chan struct{} // holds one token while nobody has the lock
	users int           // who has it or waits for it
}

// lock waits for the key until ctx ends. false: it has ended.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), ok bool) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*keyLock{}
	}
	k := l.held[key]
	if k == nil {
		k = &keyLock{free: make(chan struct{}, 1)}
		k.free <- struct{}{}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()
	select {
	case <-k.free:
		return func() {
			k.free <- struct{}{}
			l.leave(key, k)
		}, true
	case <-ctx.Done():
		l.leave(key, k)
		return nil, false
	}
}

func (l *locks) leave(key string, k *keyLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.held, key)
	}
}
