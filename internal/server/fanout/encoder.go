package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/stream"
)

// Encoding is what a subscription tells of one event.
type Encoding struct {
	// Payload is the response as JSON. It is shared by many: it must not be changed.
	Payload []byte

	once   sync.Once
	cursor string
}

// Cursor is gqlreq.Cursor of the response. It is looked for once, when somebody asks.
func (e *Encoding) Cursor() string {
	e.once.Do(func() {
		var response struct {
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(e.Payload, &response) == nil {
			e.cursor = gqlreq.Cursor(response.Data)
		}
	})
	return e.cursor
}

// encoder executes a group's operation.
type encoder struct {
	f         *Fanout
	ctx       context.Context // the group's
	operation *graphql.OperationContext
	made      *cache

	// executing is held while an event is executed for all: an execution does one at
	// a time.
	executing sync.Mutex
	execution *execution // the one for all; nil until it is needed
	// While the database is away nothing is executed again for the length of pause.
	pause time.Duration
	until time.Time
}

func newEncoder(ctx context.Context, f *Fanout, operation *graphql.OperationContext) *encoder {
	return &encoder{f: f, ctx: ctx, operation: operation, made: newCache()}
}

// shared is what all members are told of an event; nil where each has to be told by
// itself. known says that it had been executed before. While the database is away it
// waits, until ctx ends.
func (c *encoder) shared(ctx context.Context, e stream.Event) (encoding *Encoding, known bool) {
	key := keyOf(e)
	for {
		if r := c.made.get(key); r != nil {
			return r.encoding, true
		}
		var wait time.Duration
		if encoding, known, wait = c.try(key, e); wait == 0 || !sleep(ctx, wait) {
			return encoding, known
		}
	}
}

// try is shared that doesn't wait: it says for how long to.
func (c *encoder) try(key key, e stream.Event) (encoding *Encoding, known bool, wait time.Duration) {
	c.executing.Lock()
	defer c.executing.Unlock()
	if r := c.made.get(key); r != nil {
		return r.encoding, true, 0
	}
	if rest := time.Until(c.until); rest > 0 {
		return nil, false, rest
	}
	c.f.counts.executions.Add(1)
	encoding, away := c.execute(e)
	if away {
		c.pause = min(max(2*c.pause, followFirst), followMost)
		c.until = time.Now().Add(c.pause)
		return nil, false, c.pause
	}
	c.pause = 0
	c.made.put(key, encoding)
	return encoding, false, 0
}

// execute executes an event without a viewer; nil where that has any error. away: one
// that passes.
func (c *encoder) execute(e stream.Event) (encoding *Encoding, away bool) {
	if c.execution == nil {
		c.execution = c.f.open(c.ctx, c.operation)
	}
	resp, err := c.execution.of(e)
	if err != nil || resp == nil {
		c.execution = nil // it may not have got as far as to take the event
		return nil, false
	}
	if len(resp.Errors) > 0 || gqlreq.IsRequestError(resp) {
		return nil, gqlreq.Passes(resp.Errors)
	}
	payload, err := gqlreq.Encode(resp)
	if err != nil {
		return nil, false
	}
	return &Encoding{Payload: payload}, false
}

// encoding is what a member is told of an event, shared or by itself. With none, it is
// told the errors and no more.
func (c *encoder) encoding(ctx context.Context, m *Member, e stream.Event) (*Encoding, gqlerror.List) {
	encoding, known := c.shared(ctx, e)
	switch {
	case encoding != nil && known:
		c.f.counts.reused.Add(1)
	case encoding == nil && ctx.Err() == nil:
		return c.own(ctx, m, e)
	}
	return encoding, nil
}

// own executes an event in a member's own context. Members with one viewer are told the
// same.
func (c *encoder) own(ctx context.Context, m *Member, e stream.Event) (*Encoding, gqlerror.List) {
	key := keyOf(e).by(access.ViewerFrom(m.ctx))
	for {
		pending, mine := c.made.begin(key)
		if mine {
			c.f.counts.fallbacks.Add(1)
			return c.ownFor(ctx, key, pending, m, e)
		}
		select {
		case <-pending.done:
		case <-ctx.Done():
			return nil, nil
		}
		if !pending.quit {
			return pending.encoding, pending.errs
		}
	}
}

// ownFor makes what others with the same viewer may wait for, and lets them know also
// when it panics.
func (c *encoder) ownFor(ctx context.Context, key key, pending *result, m *Member, e stream.Event) (*Encoding, gqlerror.List) {
	var made result
	told := false
	defer func() { c.made.finish(key, pending, made, told) }()
	made, told = c.ownOnce(ctx, m, e)
	return made.encoding, made.errs
}

// ownOnce executes an event for a viewer. While the database is away it waits, until ctx
// ends: then it has told nothing.
func (c *encoder) ownOnce(ctx context.Context, m *Member, e stream.Event) (made result, told bool) {
	// Others wait for it: an execution doesn't end with this member, but with the group.
	viewer, cancel := context.WithCancel(context.WithoutCancel(m.ctx))
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	made.encoding, made.errs = c.executeFor(viewer, e)
	for pause := followFirst; gqlreq.Passes(made.errs); pause = min(2*pause, followMost) {
		if !sleep(ctx, pause) {
			return result{}, false
		}
		made.encoding, made.errs = c.executeFor(viewer, e)
	}
	return made, true
}

// executeFor executes an event with the rights of the viewer in ctx, when it is its
// turn. The errors are those that are told alone.
func (c *encoder) executeFor(ctx context.Context, e stream.Event) (*Encoding, gqlerror.List) {
	var resp *graphql.Response
	var err error
	select {
	case c.f.slots <- struct{}{}:
		defer func() { <-c.f.slots }()
		resp, err = c.f.open(ctx, c.operation).of(e)
	case <-ctx.Done():
	}
	var panicked *gqlerror.Error
	switch {
	case errors.As(err, &panicked):
		return nil, gqlerror.List{panicked}
	case err == nil && resp == nil:
		err = interrupted()
	case err == nil && (gqlreq.IsRequestError(resp) || gqlreq.Passes(resp.Errors)):
		return nil, resp.Errors
	case err == nil:
		var payload []byte
		if payload, err = gqlreq.Encode(resp); err == nil {
			return &Encoding{Payload: payload}, nil
		}
	}
	return nil, c.f.present(ctx, c.operation, err)
}

// sleep reports whether it was not called away.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// execution is an operation whose events are put in.
type execution struct {
	logger    *slog.Logger
	ctx       context.Context
	source    *share.Source
	responses graphql.ResponseHandler
}

// open begins to execute an operation, with the rights of the viewer in ctx.
func (f *Fanout) open(ctx context.Context, operation *graphql.OperationContext) *execution {
	x := &execution{logger: f.cfg.Logger}
	ctx, x.source = share.WithSource(graphql.StartOperationTrace(ctx))
	x.responses, x.ctx = f.cfg.Exec.DispatchOperation(ctx, share.Operation(operation))
	return x
}

// of is the response to an event; none when the context has ended. A panic is an error
// for the client, and is logged.
func (x *execution) of(e stream.Event) (resp *graphql.Response, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			resp, err = nil, gqlreq.Panicked(x.ctx, x.logger, recovered)
		}
	}()
	if err := x.source.Put(x.ctx, e); err != nil {
		return nil, err
	}
	return x.responses(x.ctx), nil
}

// present turns an error into what clients are told of it.
func (f *Fanout) present(ctx context.Context, operation *graphql.OperationContext, err error) gqlerror.List {
	told := gqlerror.Wrap(err)
	if p := problem.As(err); p != nil {
		told = gqlreq.Error(p)
	}
	ctx = graphql.WithOperationContext(ctx, share.Operation(operation))
	return f.cfg.Exec.DispatchError(ctx, gqlerror.List{told}).Errors
}
