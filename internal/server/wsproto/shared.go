package wsproto

import (
	"context"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/server/fanout"
)

var _ fanout.Subscriber = (*operation)(nil)

// share leaves op to those who watch the same, and reports whether it goes on there.
func (c *conn) share(op *operation, s *share.Subscription) bool {
	member := c.h.cfg.Fanout.Serve(op.ctx, s, op)
	if member == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops[op.id] != op { // completed, or failed, meanwhile
		member.Leave()
		return false
	}
	op.member = member
	return true
}

// Send implements fanout.Subscriber.
func (op *operation) Send(batch []*fanout.Encoding) bool {
	return op.c.sent(op.c.out.PushAll(len(batch), func(i int) message { return op.result(batch[i].Payload) }))
}

// Replay implements fanout.Subscriber.
func (op *operation) Replay(ctx context.Context, batch []*fanout.Encoding) bool {
	return op.c.sent(op.c.out.PushPaced(ctx, len(batch), func(i int) message { return op.result(batch[i].Payload) }))
}

// Fail implements fanout.Subscriber.
func (op *operation) Fail(errs gqlerror.List) {
	op.c.fail(op, errs...)
	op.cancel()
}
