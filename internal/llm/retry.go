package llm

import (
	"errors"
	"math/rand/v2"
	"time"
)

// maxRetryAfter bounds how long a vendor may make us wait for one retry.
const maxRetryAfter = time.Minute

// Backoff says whether and when a failed call is made again: exponential growth
// with full jitter, never sooner than the vendor asked for. The zero value is ready.
type Backoff struct {
	Base     time.Duration  // the bound of the first wait; 0: 500 ms
	Max      time.Duration  // the bound of any wait; 0: 20 s
	Attempts int            // calls in all, the first included; 0: 6
	Rand     func() float64 // in [0, 1); nil: math/rand
}

// Next tells what to do after err, the failure of the attempt-th call (1 is the
// first). again is false when err isn't Retryable or no attempt is left. The wait
// is the vendor's RetryAfter (at most a minute) plus up to Base·2^(attempt-1)
// (at most Max), so that many callers told the same don't come back at once.
func (b Backoff) Next(attempt int, err error) (wait time.Duration, again bool) {
	attempts := b.Attempts
	if attempts <= 0 {
		attempts = 6
	}
	attempt = max(attempt, 1)
	if attempt >= attempts || !Retryable(err) {
		return 0, false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		wait = min(max(e.RetryAfter, 0), maxRetryAfter)
	}
	random := b.Rand
	if random == nil {
		random = rand.Float64
	}
	return wait + time.Duration(random()*float64(b.bound(attempt))), true
}

func (b Backoff) bound(attempt int) time.Duration {
	base, most := b.Base, b.Max
	if base <= 0 {
		base = 500 * time.Millisecond
	}
	if most <= 0 {
		most = 20 * time.Second
	}
	for ; attempt > 1 && base < most; attempt-- {
		if base > most/2 { // doubling would pass it, or overflow
			return most
		}
		base *= 2
	}
	return min(base, most)
}
