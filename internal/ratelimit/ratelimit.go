// Package ratelimit says how often somebody may do something.
//
// Each key has a bucket that is full at first, loses one with every use and fills up
// again evenly (GCRA). The buckets are in this process or, for several nodes, in
// Redis. Limits are a guard and not a gate: where the buckets can't be reached,
// everything is allowed.
package ratelimit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// storeTimeout bounds one question to the store. A call may wait for two: that of
	// others, and then its own.
	storeTimeout = 250 * time.Millisecond
	// breakFor is how long the store isn't asked after it has failed to answer.
	breakFor = time.Second
	logEvery = time.Minute
)

// store keeps the buckets.
type store interface {
	// take takes up to n from a bucket, and says when one more will be there. It is
	// called for one bucket once at a time.
	take(ctx context.Context, bucket string, rate Rate, n int) (granted int, after time.Duration, err error)
}

// Limiter decides who has to wait. A nil Limiter allows everything.
type Limiter struct {
	store  store
	logger *slog.Logger
	rounds rounds
	// patience bounds one question to the store: storeTimeout, but in tests.
	patience time.Duration

	brokenUntil atomic.Int64 // Unix nanoseconds; 0: the store answers
	logged      atomic.Int64 // when a failure was last logged, in Unix nanoseconds
}

// NewMemory makes a Limiter for one process.
func NewMemory(logger *slog.Logger) (*Limiter, error) {
	buckets, err := newMemoryStore()
	if err != nil {
		return nil, err
	}
	return &Limiter{store: buckets, logger: logger, patience: storeTimeout}, nil
}

// NewRedis makes a Limiter that shares its buckets with all that have the same Redis
// and prefix. It needs no connection yet.
func NewRedis(client goredis.UniversalClient, prefix string, logger *slog.Logger) *Limiter {
	return &Limiter{store: redisStore{client, prefix}, logger: logger, patience: storeTimeout}
}

// Allow takes one from the bucket of key among those called name. It returns nil, or
// a *problem.Error RATE_LIMITED that says when one will be there again. key may hold
// anything that a client has sent. A store that doesn't answer allows, and costs one
// caller a second up to 250 ms; nothing is returned that is not meant for the client.
func (l *Limiter) Allow(ctx context.Context, name string, rate Rate, key string) error {
	if l == nil || rate.Count < 1 || rate.Per <= 0 {
		return nil
	}
	broken, trial := l.broken()
	if broken && !trial {
		return nil
	}
	// A client that hangs up must not get its use for nothing.
	ctx = context.WithoutCancel(ctx)
	stored := bucket(name, rate, key)
	ok, after := l.rounds.take(stored, func(n int) (int, time.Duration) {
		if l.brokenUntil.Load() != 0 && !trial {
			return n, 0 // those before have found that it doesn't answer
		}
		return l.ask(ctx, stored, rate, n)
	})
	if !ok {
		return limited(after)
	}
	return nil
}

func (l *Limiter) ask(ctx context.Context, bucket string, rate Rate, n int) (granted int, after time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	granted, after, err := l.store.take(ctx, bucket, rate, n)
	if err != nil {
		l.fail(err)
		return n, 0
	}
	l.brokenUntil.Store(0)
	return granted, after
}

func limited(after time.Duration) error {
	after = max(after, time.Millisecond)
	seconds := int(math.Ceil(after.Seconds()))
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	e := problem.New(problem.RateLimited, "this was done too often: try again in %d %s", seconds, unit)
	e.RetryAfter = after
	return e
}

// broken reports whether the store has failed to answer. One caller a second gets to
// try it, while the others go on without.
func (l *Limiter) broken() (broken, trial bool) {
	until := l.brokenUntil.Load()
	if until == 0 {
		return false, false
	}
	now := time.Now()
	trial = now.UnixNano() >= until && l.brokenUntil.CompareAndSwap(until, now.Add(breakFor).UnixNano())
	return true, trial
}

func (l *Limiter) fail(err error) {
	now := time.Now()
	l.brokenUntil.Store(now.Add(breakFor).UnixNano())
	last := l.logged.Load()
	if now.Sub(time.Unix(0, last)) >= logEvery && l.logged.CompareAndSwap(last, now.UnixNano()) {
		l.logger.Warn("limits are not applied: their store doesn't answer", "error", err)
	}
}

// bucket is the key's name in the store: of one length, and without what it is made
// from. The rate is a part of it, as a bucket of another one has another size.
func bucket(name string, rate Rate, key string) string {
	sum := sha256.Sum256([]byte(name + "\x00" + rate.String() + "\x00" + key))
	return name + ":" + base64.RawURLEncoding.EncodeToString(sum[:16])
}
