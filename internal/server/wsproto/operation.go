package wsproto

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

// operation is a query, mutation or subscription under way. It is told from a
// later one of the same id by its address.
type operation struct {
	c      *conn
	id     string
	next   []byte // the beginning of its next messages
	ctx    context.Context
	cancel context.CancelFunc
	// member is what is left of a subscription that is shared, once it executes nothing
	// any more. Guarded by the conn's lock.
	member *fanout.Member
	// stopped is set when the client completed it, and finished when its last message
	// was queued; nothing of it is sent after. Guarded by the outbox.
	stopped, finished bool
}

func (c *conn) subscribe(r request) {
	if c.session == nil {
		c.end(ending{code: CodeUnauthorized, reason: "Unauthorized"})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops[r.id] != nil {
		c.end(existing(r.id))
		return
	}
	// What the client has completed may go on for a while: it would else bound nothing
	// to complete at once what was begun.
	if limit := c.h.cfg.MaxOperations; r.refused == nil && (len(c.ops) >= limit || c.executing >= 2*limit) {
		r.refused = problem.New(problem.RateLimited, "More than %d operations on one connection", c.h.cfg.MaxOperations)
	}
	if r.refused != nil {
		c.send(errorMessage(r.id, gqlerror.List{gqlreq.Error(r.refused)}))
		return
	}
	op := &operation{c: c, id: r.id, next: opening(r.id, "next")}
	op.ctx, op.cancel = context.WithCancel(c.session)
	c.ops[op.id] = op
	c.executing++
	r.params.Headers = c.header
	c.background.Go(func() { c.execute(op, r.params) })
}

// complete is the client's: it may use the id again at once, while the operation
// that had it is still coming to its end.
func (c *conn) complete(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	op := c.ops[id]
	if op == nil { // both sides may complete at the same time
		return
	}
	delete(c.ops, id)
	c.out.Withdraw(func() { op.stopped = true })
	op.end()
}

// end lets go of what op holds. The conn's lock is held.
func (op *operation) end() {
	op.cancel()
	if op.member != nil {
		op.member.Leave()
		op.member = nil
	}
}

// leave ends what outlives its execution, when nothing executes any more.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range c.ops {
		op.end()
	}
}

// finish sends op's last message and frees its id, in one step as the client sees
// it: when it has the message it may use the id.
func (c *conn) finish(op *operation, last message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops[op.id] != op {
		return
	}
	delete(c.ops, op.id)
	last.op = op
	c.sent(c.out.PushLast(last, func() { op.finished = true }))
}

// result is a message with a result of op, encoded. payload may be shared with others;
// it must not change any more.
func (op *operation) result(payload []byte) message {
	return message{op: op, opcode: websocket.TextMessage, head: op.next, payload: payload}
}

// execute executes op to its end, or until it is shared.
func (c *conn) execute(op *operation, params *graphql.RawParams) {
	defer c.executed()
	shared := false
	defer func() {
		if recovered := recover(); recovered != nil {
			c.fail(op, gqlreq.Panicked(op.ctx, c.h.cfg.Logger, recovered))
		}
		if !shared {
			op.cancel()
		}
	}()
	if c.h.cfg.Allow != nil {
		if err := c.h.cfg.Allow(op.ctx); err != nil {
			c.fail(op, gqlreq.Told(op.ctx, c.h.cfg.Logger, err))
			return
		}
	}
	ctx := graphql.StartOperationTrace(op.ctx)
	start := graphql.GetStartTime(ctx)
	params.ReadTime = graphql.TraceTiming{Start: start, End: start}
	operation, errs := c.h.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		resp := c.h.exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlreq.RequestErrors(errs))
		c.fail(op, resp.Errors...)
		return
	}
	stream := operation.Operation.Operation == ast.Subscription
	var offer *share.Offer
	if stream && c.h.cfg.Fanout != nil {
		ctx, offer = share.WithOffer(ctx)
	}
	responses, ctx := c.h.exec.DispatchOperation(ctx, operation)
	if s := offer.Taken(); s != nil {
		shared = c.share(op, s)
		return
	}
	for {
		resp := responses(ctx)
		switch {
		case resp == nil && stream:
			c.finish(op, completeMessage(op.id))
			return
		case resp == nil:
			c.fail(op, gqlreq.Error(problem.New(problem.Unavailable, "The operation was cancelled before it was answered")))
			return
		case gqlreq.IsRequestError(resp):
			c.fail(op, resp.Errors...)
			discard(ctx, op, responses)
			return
		case stream && gqlreq.Passes(resp.Errors):
			c.end(unread)
			discard(ctx, op, responses)
			return
		}
		payload, err := gqlreq.Encode(resp)
		if err != nil {
			panic(err)
		}
		if !c.tell(op, payload, offer.CatchingUp()) {
			discard(ctx, op, responses)
			return
		}
		if !stream {
			c.finish(op, completeMessage(op.id))
			return
		}
	}
}

// tell sends a result. One of what happened before the client came waits until the client
// has read most of what it was sent.
func (c *conn) tell(op *operation, payload []byte, patient bool) bool {
	if !patient {
		return c.send(op.result(payload))
	}
	return c.sent(c.out.PushPaced(op.ctx, 1, func(int) message { return op.result(payload) }))
}

func (c *conn) executed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.executing--
}

// fail ends op with an error message, which no complete follows.
func (c *conn) fail(op *operation, list ...*gqlerror.Error) {
	c.finish(op, errorMessage(op.id, list))
}

// discard lets a stream that nobody listens to come to its end. A handler that
// answers for ever (an interceptor that returns a constant) is given up.
func discard(ctx context.Context, op *operation, responses graphql.ResponseHandler) {
	op.cancel()
	for range 100 {
		if responses(ctx) == nil {
			return
		}
	}
}
