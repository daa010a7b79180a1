// Command server is what the benchmarks of the live stream measure: one process that
// serves the events of some projects over graphql-transport-ws, and publishes them
// itself as a client tells it to, in one of three ways:
//
//   - zeblit: the product. The real schema, transports, hub and log, put together as
//     internal/app does.
//   - stock: the same schema, resolvers, hub and log behind gqlgen's own handler and
//     WebSocket transport, on gorilla/websocket.
//   - raw: a broadcast on gorilla/websocket without GraphQL, log or authentication:
//     each subscriber's id before a payload that is encoded once.
//
// It says on standard output where it listens, as "ready" and a JSON object, and ends
// with its standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// settings are the flags.
type settings struct {
	kind, addr, data, database string
	projects, backlog, room    int
}

// feed is one way of serving: what to listen with, and what makes events.
type feed struct {
	server   *http.Server
	key      string // shown by every socket; empty: nobody asks
	projects []project
	// publish makes count events in each project at once, as one transaction does.
	publish func(ctx context.Context, count int, text string) error
}

// project is what can be watched.
type project struct {
	ID   string `json:"id"`
	Head int64  `json:"head"` // the number of its latest event
}

// smallHeap is cmd/zeblit's: the product's collector runs when the heap has grown by
// half.
const smallHeap = 50

func main() {
	var s settings
	flag.StringVar(&s.kind, "kind", "zeblit", "zeblit, stock or raw")
	flag.StringVar(&s.addr, "addr", "127.0.0.1:0", "where to listen")
	flag.StringVar(&s.data, "data", "", "folder of the database and of what a next process needs")
	flag.StringVar(&s.database, "database-url", "", "PostgreSQL; SQLite in the folder otherwise")
	flag.IntVar(&s.projects, "projects", 1, "how many projects there are")
	flag.IntVar(&s.backlog, "backlog", 0, "events made in each project before it listens")
	flag.IntVar(&s.room, "send-buffer", 0, "SO_SNDBUF of every connection, as narrow as a network's; 0 leaves it to the system")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // whoever started it is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	build := map[string]func(context.Context, settings) (*feed, error){"zeblit": newZeblit, "stock": newStock, "raw": newRaw}[s.kind]
	if build == nil {
		return fmt.Errorf("there is no kind %q", s.kind)
	}
	if s.kind == "zeblit" {
		debug.SetGCPercent(smallHeap)
	}
	f, err := build(ctx, s)
	if err != nil {
		return err
	}
	front, err := listener(s.room).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}
	control, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- f.server.Serve(front) }()
	go func() { ended <- controlServer(ctx, f).Serve(control) }()
	ready, err := json.Marshal(map[string]any{
		"address": front.Addr().String(), "control": control.Addr().String(), "key": f.key, "projects": f.projects,
	})
	if err != nil {
		return err
	}
	fmt.Printf("ready %s\n", ready)
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// listener hands its send buffer on to the connections.
func listener(room int) *net.ListenConfig {
	if room == 0 {
		return new(net.ListenConfig)
	}
	return &net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, room)
		})
		return errors.Join(err, failed)
	}}
}
