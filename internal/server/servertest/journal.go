package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/stream"
)

// Journal is a log in memory, of which `shared` tells. Its events are texts. One that
// begins with "private" asks for the viewer, so it can't be shared.
type Journal struct {
	mu      sync.Mutex
	texts   []string
	changed chan struct{}
	readers int
}

// Append adds events.
func (j *Journal) Append(texts ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.texts = append(j.texts, texts...)
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// Readers is how many read it now.
func (j *Journal) Readers() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.readers
}

// follow reads behind a number.
func (j *Journal) follow(_ context.Context, after int64) (share.Reader, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if after == stream.FromNow {
		after = int64(len(j.texts))
	}
	j.readers++
	return &reader{j: j, last: after}, nil
}

type reader struct {
	j      *Journal
	last   int64
	closed bool
}

func (r *reader) Place() stream.Place { return stream.Place{Seq: r.last} }

func (r *reader) Close() {
	r.j.mu.Lock()
	defer r.j.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.j.readers--
	}
}

func (r *reader) Next(ctx context.Context) (events []stream.Event, err error) {
	for {
		r.j.mu.Lock()
		for seq, text := range r.j.texts[r.last:] {
			seq := r.last + int64(seq) + 1
			events = append(events, stream.Event{Project: "prj_a", Seq: seq, At: time.Unix(seq, 0), Payload: []byte(text)})
			if len(events) == 32 {
				break
			}
		}
		if r.j.changed == nil {
			r.j.changed = make(chan struct{})
		}
		changed := r.j.changed
		r.j.mu.Unlock()
		if n := len(events); n > 0 {
			r.last = events[n-1].Seq
			return events, ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// shared answers `shared`: by itself, or from a source, or it takes the transport's offer.
func (s *Schema) shared(ctx context.Context, field *ast.Field, after any) graphql.ResponseHandler {
	events := make(chan stream.Event, 1)
	if source := share.SourceIn(ctx); source != nil {
		source.Open(func(_ context.Context, e stream.Event) error { events <- e; return nil })
		return s.told(field, events)
	}
	from := int64(stream.FromNow)
	if text, ok := after.(string); ok {
		n, err := strconv.ParseInt(strings.TrimPrefix(text, "c"), 10, 64)
		if err != nil {
			graphql.AddError(ctx, fmt.Errorf("%q is no cursor", text))
			return nil
		}
		from = n
	}
	reader, _ := s.Journal.follow(ctx, from)
	if offer := share.OfferIn(ctx); offer != nil {
		offer.Take(&share.Subscription{
			Key: field.Alias, Project: "prj_a", Reader: reader, Live: from == stream.FromNow, Follow: s.Journal.follow,
			Wants: func(stream.Event) bool { return true }, Operation: share.Operation(graphql.GetOperationContext(ctx)),
		})
		return nil
	}
	context.AfterFunc(ctx, reader.Close)
	told := s.told(field, events)
	var rest []stream.Event
	return func(ctx context.Context) *graphql.Response {
		if len(rest) == 0 {
			rest, _ = reader.Next(ctx)
		}
		if len(rest) == 0 {
			return nil
		}
		events <- rest[0]
		rest = rest[1:]
		return told(ctx)
	}
}

func (s *Schema) told(field *ast.Field, events <-chan stream.Event) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		e := <-events
		text := string(e.Payload)
		if strings.HasPrefix(text, "private") {
			v := access.ViewerFrom(ctx)
			if v == nil {
				graphql.AddError(ctx, fmt.Errorf("event %d is not for nobody", e.Seq))
				return &graphql.Response{Data: []byte("null")}
			}
			text += " of " + v.UserID
		}
		raw, err := json.Marshal(map[string]any{field.Alias: map[string]string{"cursor": fmt.Sprint("c", e.Seq), "text": text}})
		if err != nil {
			panic(err)
		}
		return &graphql.Response{Data: slices.Clip(raw)}
	}
}
