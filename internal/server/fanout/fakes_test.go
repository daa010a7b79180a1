package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What an event's RunID says about how it is to be executed.
const (
	unwanted = "unwanted" // nobody tells of it
	rights   = "rights"   // it asks for the viewer
	fatal    = "fatal"    // nobody can tell of it
	panics   = "panics"   // when there is no viewer
	away     = "away"     // the database is not there when it is executed for the first times

	rightsAway = "rights, away"
)

// journal is a project's log in memory.
type journal struct {
	mu      sync.Mutex
	events  []stream.Event
	horizon int64
	gone    bool
	changed chan struct{}
	open    int // readers
	broken  int // how often Follow still fails
	// hang keeps who asks for the log's end waiting, where it isn't nil.
	hang chan struct{}
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

func (j *journal) append(kinds ...string) {
	j.change(func() {
		for _, kind := range kinds {
			seq := int64(len(j.events) + 1)
			j.events = append(j.events, stream.Event{Project: "prj_a", Seq: seq, Type: enum.EventMessageDelta, RunID: kind, At: time.Unix(seq, 0)})
		}
	})
}

func (j *journal) change(what func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	what()
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *journal) follow(ctx context.Context, after int64) (share.Reader, error) {
	if j.hang != nil && after == stream.FromNow {
		select {
		case <-j.hang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.gone {
		return nil, problem.Missing("projectId", "project")
	}
	if j.broken > 0 {
		j.broken--
		return nil, errors.New("the database is down")
	}
	if after == stream.FromNow {
		after = int64(len(j.events))
	}
	j.open++
	return &reader{j: j, last: after}, nil
}

// reader gives a few events at a time.
type reader struct {
	j    *journal
	last int64
}

func (r *reader) Place() stream.Place { return stream.Place{Seq: r.last} }

func (r *reader) Close() {
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	r.j.open--
}

func (r *reader) Next(ctx context.Context) ([]stream.Event, error) {
	for {
		r.j.mu.Lock()
		head, changed, gone := int64(len(r.j.events)), r.j.changed, r.j.gone
		if r.last < r.j.horizon {
			r.last = head
			r.j.mu.Unlock()
			return []stream.Event{{Project: "prj_a", Seq: head, Type: enum.EventStreamReset, At: time.Unix(head, 1)}}, nil
		}
		events := r.j.events[r.last:min(r.last+3, head)]
		r.j.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(events) > 0 {
			r.last = events[len(events)-1].Seq
			return events, nil
		}
		if gone {
			return nil, problem.Missing("projectId", "project")
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// subscription is one of many that are the same.
func (j *journal) subscription(after int64) (*share.Subscription, error) {
	r, err := j.follow(context.Background(), after)
	if err != nil {
		return nil, err
	}
	return &share.Subscription{
		Key: "the same", Project: "prj_a", Reader: r, Live: after == stream.FromNow, Follow: j.follow,
		Wants:     func(e stream.Event) bool { return e.RunID != unwanted },
		Operation: &graphql.OperationContext{},
	}, nil
}

// fakeExecutor answers an event with its number, and with its viewer where it asks for one.
type fakeExecutor struct {
	graphql.GraphExecutor
	mu       sync.Mutex
	executed map[string]int
}

func (x *fakeExecutor) DispatchOperation(ctx context.Context, _ *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	events := make(chan stream.Event, 1)
	share.SourceIn(ctx).Open(func(_ context.Context, e stream.Event) error {
		if e.RunID == fatal {
			return errors.New("this can't be told")
		}
		events <- e
		return nil
	})
	return func(ctx context.Context) *graphql.Response {
		e := <-events
		v := access.ViewerFrom(ctx)
		x.mu.Lock()
		who := "all"
		if v != nil {
			who = v.UserID
		}
		x.executed[fmt.Sprint(e.Seq, " for ", who)]++
		times := x.executed[fmt.Sprint(e.Seq, " for ", who)]
		x.mu.Unlock()
		switch {
		case e.RunID == away && times < 3, e.RunID == rightsAway && v != nil && times < 3:
			return &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{{
				Message: "try again", Extensions: map[string]any{"code": string(problem.Unavailable)},
			}}}
		case (e.RunID == rights || e.RunID == rightsAway) && v == nil:
			return &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{{Message: "sign in first"}}}
		case e.RunID == panics && v == nil:
			panic("secret")
		case e.Type == enum.EventStreamReset:
			return &graphql.Response{Data: fmt.Appendf(nil, `"reset %d"`, e.Seq)}
		}
		return &graphql.Response{Data: fmt.Appendf(nil, `"%d for %s"`, e.Seq, who)}
	}, ctx
}

func (*fakeExecutor) DispatchError(_ context.Context, list gqlerror.List) *graphql.Response {
	for _, err := range list {
		if p := problem.As(err); p != nil {
			err.Extensions = map[string]any{"code": string(p.Code)}
		}
	}
	return &graphql.Response{Errors: list}
}

// client is a subscriber: what was sent to it waits in a queue until it reads.
type client struct {
	user   string
	after  int64 // what it has seen before
	limit  int   // of the queue
	ctx    context.Context
	cancel context.CancelFunc
	joined chan *fanout.Member // Serve's answer

	mu      sync.Mutex
	stalled bool
	room    chan struct{} // closed when it reads again
	queue   []string
	read    []string
	slow    bool // it was given up
	left    bool
	failed  gqlerror.List
}

func (c *client) payloads(batch []*fanout.Encoding) {
	for _, e := range batch {
		c.queue = append(c.queue, string(e.Payload))
	}
	if !c.stalled {
		c.read, c.queue = append(c.read, c.queue...), nil
	}
}

func (c *client) Send(batch []*fanout.Encoding) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slow || c.left || c.failed != nil {
		return false
	}
	if len(c.queue)+len(batch) > c.limit {
		c.slow = true
		return false
	}
	c.payloads(batch)
	return true
}

func (c *client) Replay(ctx context.Context, batch []*fanout.Encoding) bool {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 || c.slow || c.left || c.failed != nil {
			defer c.mu.Unlock()
			if c.slow || c.left || c.failed != nil {
				return false
			}
			c.payloads(batch)
			return true
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

func (c *client) Fail(errs gqlerror.List) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		panic("failed twice")
	}
	c.failed = errs
}

// stall makes the client stop reading, or begin again.
func (c *client) stall(stalled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled && !stalled {
		c.read, c.queue = append(c.read, c.queue...), nil
		close(c.room)
	}
	if !c.stalled && stalled {
		c.room = make(chan struct{})
	}
	c.stalled = stalled
}

func (c *client) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.read...)
}

func (c *client) failure() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		return ""
	}
	code, _ := c.failed[0].Extensions["code"].(string)
	return code + " " + c.failed[0].Message
}

// leave is what a transport does when the client wants no more.
func (c *client) leave() {
	c.mu.Lock()
	c.left = true
	c.mu.Unlock()
	c.cancel()
	if m := <-c.joined; m != nil {
		m.Leave()
	}
	c.joined <- nil
}

// house is a Fanout with one journal.
type house struct {
	*journal
	*fakeExecutor
	fanout *fanout.Fanout
}

func newHouse(cfg fanout.Config) *house {
	h := &house{journal: newJournal(), fakeExecutor: &fakeExecutor{executed: map[string]int{}}}
	cfg.Exec, cfg.Logger = h.fakeExecutor, slog.New(slog.DiscardHandler)
	h.fanout = fanout.New(cfg)
	return h
}

// join makes a client, and serves it in a goroutine of its own.
func (h *house) join(user string, after int64, limit int) *client {
	s, err := h.subscription(after)
	if err != nil {
		panic(err)
	}
	c := &client{user: user, after: s.Reader.Place().Seq, limit: limit, joined: make(chan *fanout.Member, 1)}
	c.ctx, c.cancel = context.WithCancel(access.WithViewer(context.Background(), access.Viewer{UserID: user}))
	go func() { c.joined <- h.fanout.Serve(c.ctx, s, c) }()
	return c
}
