package ratelimit

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// redisStore keeps the buckets in Redis. A script reads and writes one there, in one
// command: nodes that use the same bucket need neither try again nor wait, and one
// that is cut off leaves nothing half done.
type redisStore struct {
	client goredis.UniversalClient
	prefix string
}

// takeScript works in microseconds of Redis's own clock. A bucket is stored as the
// time at which it will be full, and ends by itself then.
var takeScript = goredis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local per, count, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local each = per / count
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now))
local granted = math.max(0, math.min(wanted, math.floor((now + per - full) / each)))
if granted > 0 then
	full = full + granted * each
	redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
end
local after = 0
if granted < wanted then
	after = math.max(1, math.ceil(full + each - now - per))
end
return {granted, after}
`)

func (s redisStore) take(ctx context.Context, bucket string, rate Rate, n int) (granted int, after time.Duration, err error) {
	answer, err := takeScript.Run(ctx, s.client, []string{s.prefix + bucket}, rate.Per.Microseconds(), rate.Count, n).Int64Slice()
	if err != nil {
		return 0, 0, err
	}
	if len(answer) != 2 {
		return 0, 0, fmt.Errorf("the script answered %d numbers", len(answer))
	}
	return int(answer[0]), time.Duration(answer[1]) * time.Microsecond, nil
}
