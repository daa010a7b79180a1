package ratelimit

import (
	"context"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
)

// maxKeys bounds the buckets in memory. Beyond it those that were not used for the
// longest time are forgotten, which makes them full.
const maxKeys = 1 << 16

// memoryStore keeps the buckets of one process.
type memoryStore struct{ buckets throttled.GCRAStoreCtx }

func newMemoryStore() (memoryStore, error) {
	buckets, err := memstore.NewCtx(maxKeys)
	return memoryStore{buckets}, err
}

func (s memoryStore) take(ctx context.Context, bucket string, rate Rate, n int) (granted int, after time.Duration, err error) {
	gcra, err := throttled.NewGCRARateLimiterCtx(s.buckets, throttled.RateQuota{
		MaxRate: throttled.PerDuration(rate.Count, rate.Per), MaxBurst: rate.Count - 1,
	})
	if err != nil {
		return 0, 0, err
	}
	for ; granted < n; granted++ {
		over, result, err := gcra.RateLimitCtx(ctx, bucket, 1)
		if over || err != nil {
			return granted, result.RetryAfter, err
		}
	}
	return granted, 0, nil
}
