package server

import (
	"context"
	"sync/atomic"

	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/server/sseproto"
	"github.com/zeblit/zeblit/internal/server/wsproto"
)

// Stats count what this server has met since it started, and what is open now.
type Stats struct {
	// Answers are those to POST and GET, by the first digit of their status.
	Answers [6]int64
	// Operations are those within sockets, Refused those of them that were over a rate.
	Operations, Refused int64
	// Sockets and Streams are open connections; the others count all that were opened.
	Sockets, Streams             int64
	SocketsOpened, StreamsOpened int64
	// Delivery is what the open connections do.
	Delivery Delivery
}

// Delivery counts what the connections send, and what they share of it.
type Delivery struct {
	Sockets wsproto.Stats
	Streams sseproto.Stats
	Fanout  fanout.Stats
}

type counters struct {
	answers             [6]atomic.Int64
	operations, refused atomic.Int64
	sockets, streams    door
}

// door counts the connections of one kind.
type door struct{ open, opened atomic.Int64 }

func (c *counters) answered(status int) {
	if class := status / 100; class > 0 && class < len(c.answers) {
		c.answers[class].Add(1)
	}
}

// Stats is what the server has met so far.
func (s *Server) Stats() Stats {
	c := &s.counts
	out := Stats{
		Operations: c.operations.Load(), Refused: c.refused.Load(),
		Sockets: c.sockets.open.Load(), SocketsOpened: c.sockets.opened.Load(),
		Streams: c.streams.open.Load(), StreamsOpened: c.streams.opened.Load(),
	}
	out.Delivery = Delivery{Sockets: s.sockets.Stats(), Streams: s.events.Stats(), Fanout: s.fanout.Stats()}
	for i := range c.answers {
		out.Answers[i] = c.answers[i].Load()
	}
	return out
}

// admit lets a connection in through a door, where there is a seat.
func (s *Server) admit(d *door) func(context.Context) (release func(), err error) {
	return func(ctx context.Context) (func(), error) {
		release, err := s.seats.take(ctx)
		if err != nil {
			return nil, err
		}
		d.opened.Add(1)
		d.open.Add(1)
		return func() {
			d.open.Add(-1)
			release()
		}, nil
	}
}

// allowOperation is allowRequest for what comes through a socket.
func (s *Server) allowOperation(ctx context.Context) error {
	s.counts.operations.Add(1)
	err := s.allowRequest(ctx)
	if err != nil {
		s.counts.refused.Add(1)
	}
	return err
}
