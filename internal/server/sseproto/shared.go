package sseproto

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/httpreq"
)

var _ fanout.Subscriber = (*stream)(nil)

// share leaves the stream to those who watch the same, once it has been told what has
// happened before.
func (s *stream) share(ctx context.Context, shared *share.Subscription) {
	s.member = s.h.cfg.Fanout.Serve(ctx, shared, s)
}

func told(e *fanout.Encoding) event { return event{id: e.Cursor(), payload: e.Payload} }

// Send implements fanout.Subscriber.
func (s *stream) Send(batch []*fanout.Encoding) bool {
	return s.sent(s.out.PushAll(len(batch), func(i int) event { return told(batch[i]) }))
}

// Replay implements fanout.Subscriber.
func (s *stream) Replay(ctx context.Context, batch []*fanout.Encoding) bool {
	return s.sent(s.out.PushPaced(ctx, len(batch), func(i int) event { return told(batch[i]) }))
}

// Fail implements fanout.Subscriber. What may go on later ends without `complete`: the
// client is to resume.
func (s *stream) Fail(errs gqlerror.List) {
	if httpreq.ErrorStatus(errs) == http.StatusServiceUnavailable {
		s.end(resume(errs[0].Message))
		return
	}
	s.last(&graphql.Response{Errors: errs})
}
