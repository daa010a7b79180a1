package server

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// lastTime is what goes on behind the connections has to end after them.
const lastTime = 8 * time.Second

// Shutdown ends web, which serves s, in order: every WebSocket (with 1012) and event
// stream, so that clients resume elsewhere, then the listener, and the requests once
// they are answered. Clients who don't read and requests that take longer than ctx
// are cut off. The error says that something of the server's own doesn't end.
func (s *Server) Shutdown(ctx context.Context, web *http.Server) error {
	err := s.closeSockets(ctx) // first: web waits for streams and does not know sockets
	if late := web.Shutdown(ctx); late != nil {
		s.options.Logger.WarnContext(ctx, "requests that were not answered in time are cut off")
		err = errors.Join(err, web.Close())
	}
	return err
}

func (s *Server) closeSockets(ctx context.Context) error {
	streams := make(chan error, 1)
	go func() { streams <- s.events.Shutdown(ctx) }()
	if err := errors.Join(s.sockets.Shutdown(ctx), <-streams); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.fanout.Wait()
		s.keeper.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(lastTime):
		return errors.New("who watches doesn't end")
	}
}
