package sseproto

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/server/credential"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/httpreq"
	"github.com/zeblit/zeblit/internal/server/outbox"
)

// ending is how a stream ends.
type ending struct {
	complete bool
	// comment tells a person who looks why there is no `complete`.
	comment string
	// discard drops what waits to be written.
	discard bool
}

var (
	completed = ending{complete: true}
	gone      = ending{discard: true}
	tooSlow   = ending{discard: true, comment: "slow consumer: resume from your cursor"}
	forbidden = ending{discard: true, comment: "the credentials have ended"}
)

func resume(why string) ending { return ending{comment: why} }

// stream is one open answer. run is its owner.
type stream struct {
	h       *Handler
	w       http.ResponseWriter
	control *http.ResponseController
	out     *outbox.Outbox[event, ending]
	// woken has room for one signal: a full channel has said it already.
	woken chan struct{}
	begun bool // the headers are out; the handler's goroutine only
	// member is what is left of a subscription that is shared, once it executes nothing
	// any more.
	member *fanout.Member

	mu     sync.Mutex
	cancel context.CancelFunc // ends the operation; nil until run, and called once end was
	over   bool
}

func newStream(h *Handler, w http.ResponseWriter) *stream {
	s := &stream{h: h, w: w, control: http.NewResponseController(w), woken: make(chan struct{}, 1)}
	s.out = h.outboxes.New(s.wake)
	return s
}

func (s *stream) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// run sends the headers and then what produce has to say, until it ends.
func (s *stream) run(ctx context.Context, header http.Header, produce func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancel = cancel
	if s.over { // since it was entered
		cancel()
	}
	s.mu.Unlock()

	var watch *credential.Watch
	if header.Get("Authorization") != "" {
		var ok bool
		if watch, ok = s.h.cfg.Credentials.Watch(ctx, func() { s.end(forbidden) }); !ok {
			s.end(forbidden)
		}
	}
	var producer sync.WaitGroup
	defer func() {
		cancel()
		watch.Stop()
		producer.Wait()
		if s.member != nil {
			s.member.Leave()
		}
	}()
	if !s.begin() {
		s.end(gone)
		return
	}
	producer.Go(func() {
		defer func() {
			if recovered := recover(); recovered != nil {
				s.last(&graphql.Response{Errors: gqlerror.List{gqlreq.Panicked(ctx, s.h.cfg.Logger, recovered)}})
			}
		}()
		produce(ctx)
	})
	s.write(ctx)
}

// begin sends the headers at once: the client learns that it is connected before
// there is anything to tell.
func (s *stream) begin() bool {
	s.begun = true
	// A stream outlives the server's deadlines; it sets one for each write.
	_ = s.control.SetReadDeadline(time.Time{}) // not every writer has one
	s.allowWrite()
	h := s.w.Header()
	h.Set("Content-Type", httpreq.MediaEvents+"; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	s.w.WriteHeader(http.StatusOK)
	return s.control.Flush() == nil
}

// write sends what is in the outbox until its ending, and heartbeats in between.
func (s *stream) write(ctx context.Context) {
	// net/http writes the end of the body after the handler.
	defer s.allowWrite()
	s.h.comments.Add(s)
	defer s.h.comments.Remove(s)
	for {
		select {
		case <-s.woken:
		case <-ctx.Done():
			// The client left: then its own cancellation is the first to be heard of.
			// Or the stream has ended, and the outbox has the last word.
			if s.end(gone) {
				return
			}
		}
		if !s.flush() {
			return
		}
	}
}

// flush writes until the outbox is empty. It reports whether to go on: not after
// the ending, nor after a failure.
func (s *stream) flush() bool {
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= 2*batchBytes { // a large one is left to the collector
			buffers.Put(buffer)
		}
	}()
	for {
		taken := s.out.Take((*buffer)[:0], batchBytes, appendEvent)
		out, last := taken.Bytes, taken.Ending
		if last != nil {
			out = appendEnding(out, *last)
		}
		*buffer = out
		if len(out) > 0 {
			s.allowWrite()
			_, err := s.w.Write(out)
			if err == nil {
				err = s.control.Flush()
			}
			s.out.Wrote(taken.Cost)
			if err != nil {
				s.end(gone)
				return false
			}
			s.h.counts.writes.Add(1)
			s.h.counts.events.Add(int64(taken.Messages))
		}
		if last != nil {
			return false
		}
		if len(out) == 0 {
			return true
		}
	}
}

func (s *stream) allowWrite() {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.h.cfg.WriteTimeout)) // the write reports it
}

// breakOff makes the write under way, and all others, fail.
func (s *stream) breakOff() { _ = s.control.SetWriteDeadline(time.Unix(1, 0)) }

// comment is the heartbeat.
func (s *stream) comment() { s.sent(s.out.Push(event{comment: true})) }

// next sends a result and reports whether the stream goes on. One of what happened before
// the client came is patient: it waits until the client has read most of what it was sent.
func (s *stream) next(ctx context.Context, resp *graphql.Response, patient bool) bool {
	told := result(resp)
	if !patient {
		return s.sent(s.out.Push(told))
	}
	return s.sent(s.out.PushPaced(ctx, 1, func(int) event { return told }))
}

// last sends a result and completes the stream.
func (s *stream) last(resp *graphql.Response) {
	if s.sent(s.out.EndWith(result(resp), completed)) {
		s.ended()
	}
}

func result(resp *graphql.Response) event {
	payload, err := gqlreq.Encode(resp)
	if err != nil {
		panic(err)
	}
	return event{id: gqlreq.Cursor(resp.Data), payload: payload}
}

func (s *stream) sent(err error) bool {
	if errors.Is(err, outbox.ErrFull) {
		s.end(tooSlow)
	}
	return err == nil
}

// end ends the stream; the first call decides how, and is told so. It never
// blocks: the writer says the last word.
func (s *stream) end(e ending) bool {
	first := s.out.End(e, e.discard)
	if first && e == tooSlow {
		s.h.counts.slowCloses.Add(1)
	}
	s.ended()
	return first
}

// ended ends the operation, when there is nothing to say any more.
func (s *stream) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.cancel != nil {
		s.cancel()
	}
}
