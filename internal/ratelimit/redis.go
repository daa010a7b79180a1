package ratelimit

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
)

// redisStore makes a new bucket in one command. The library's store uses two: when it
// is cut off between them the key stays for ever, and of two nodes the slower one
// shortens the life of the other's bucket.
type redisStore struct {
	throttled.GCRAStoreCtx
	client goredis.UniversalClient
	prefix string
}

func newRedisStore(client goredis.UniversalClient, prefix string) (throttled.GCRAStoreCtx, error) {
	store, err := goredisstore.NewCtx(client, prefix)
	if err != nil {
		return nil, err
	}
	return redisStore{store, client, prefix}, nil
}

// SetIfNotExistsWithTTL keeps the key for whole seconds, as the library does, but
// never for less than ttl.
func (s redisStore) SetIfNotExistsWithTTL(ctx context.Context, key string, value int64, ttl time.Duration) (bool, error) {
	return s.client.SetNX(ctx, s.prefix+key, value, ttl.Truncate(time.Second)+time.Second).Result()
}

// CompareAndSwapWithTTL is the library's, which cuts the time to whole seconds.
func (s redisStore) CompareAndSwapWithTTL(ctx context.Context, key string, was, is int64, ttl time.Duration) (bool, error) {
	return s.GCRAStoreCtx.CompareAndSwapWithTTL(ctx, key, was, is, ttl+time.Second)
}
