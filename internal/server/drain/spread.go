package drain

import (
	"context"
	"time"
)

const (
	// apart is the pause after each group.
	apart = 10 * time.Millisecond
	// least is the size of a group.
	least = 10
	// whole is the most time that all of it takes: groups are as large as that needs.
	whole = 5 * time.Second
)

// spread calls do for each item, in groups over a while: a server that goes away must
// not send all its clients to the others in the same moment. When ctx ends it does
// the rest at once.
func spread[T any](ctx context.Context, items []T, do func(T)) {
	group := max(least, len(items)/int(whole/apart)+1)
	timer := time.NewTimer(apart)
	defer timer.Stop()
	for i, item := range items {
		if i > 0 && i%group == 0 {
			timer.Reset(apart)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
		}
		do(item)
	}
}
