package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The times after which a client is given up.
const (
	// readTimeout is for a request's headers and body together.
	readTimeout = 10 * time.Second
	// writeTimeout is for an answer; sockets and streams have their own for each write.
	writeTimeout = time.Minute
	idleTimeout  = 2 * time.Minute
	// silence is how long nothing may be heard from a connection's other end, not even
	// that it has received something: the cable is pulled. What it has to receive is
	// a ping or a heartbeat after 12 s at the latest, so it is noticed within 30 s.
	silence = 16 * time.Second
)

// maxHeaderBytes of a request. It has room for a URL of the endpoint's limit and a
// token.
const maxHeaderBytes = 32 << 10

// HTTPServer makes the server to listen with: one that gives up clients which never
// end their request, don't read their answer, or are gone without a word.
func HTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// "OPTIONS *" is for the handler, as its answer needs the headers of all others.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if tcp, ok := c.(*net.TCPConn); ok {
				watchSilence(tcp)
			}
			return ctx
		},
	}
}

// watchSilence makes the kernel end a connection after silence. An idle one is
// probed; what was sent and not acknowledged is a matter of the system, see
// limitUnacknowledged.
func watchSilence(c *net.TCPConn) {
	// Neither can fail on a connection that is still there.
	_ = c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: silence / 4, Interval: silence / 4, Count: 3})
	_ = limitUnacknowledged(c, silence)
}
