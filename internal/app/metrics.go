package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/zeblit/zeblit/internal/metrics"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/server"
)

// measure gathers what the parts count. A part that has something to show has a
// method Stats; a function here gives its numbers their names and words.
func (a *App) measure() {
	a.metrics.Register(metrics.Process(a.options.Version), showRuns(a.engine))
	if !a.options.ServeOnly {
		a.metrics.Register(showWorker(a.engine))
	}
	a.metrics.Register(showServer(a.server), showStream(a.log, a.hub, a.compactor), showDelivery(a.server))
}

// showRuns counts the runs of the whole installation; without the database, none.
func showRuns(engine *run.Engine) metrics.Source {
	return func(ctx context.Context, w *metrics.Writer) {
		counts, err := engine.Unended(ctx)
		if err != nil {
			return
		}
		for _, c := range counts {
			w.Gauge("zeblit_runs", "Runs of the installation that have not ended, by state; the same on every node.",
				float64(c.Runs), "state", string(c.State))
		}
	}
}

func showWorker(engine *run.Engine) metrics.Source {
	return func(_ context.Context, w *metrics.Writer) {
		s := engine.Stats()
		w.Gauge("zeblit_worker_slots", "Steps that this worker makes at once, at most.", float64(s.Slots))
		w.Gauge("zeblit_worker_runs", "Runs that this worker holds: those with a step under way.", float64(s.Held))
		for _, c := range []struct {
			name, help string
			value      int64
		}{
			{"zeblit_run_claims_total", "Runs that this worker took for a step.", s.Claims},
			{"zeblit_run_leases_lost_total", "Steps that were cut off because another worker had the run.", s.LeasesLost},
			{"zeblit_run_takeovers_total", "Runs that this worker took from one that had died or hung.", s.Takeovers},
			{"zeblit_run_stale_writes_refused_total", "Transactions that were refused because their lease was lost.", s.StaleWrites},
			{"zeblit_run_overdue_total", "Runs that this worker ended because of a deadline.", s.Overdue},
			{"zeblit_run_repairs_total", "Runs that had no job, lease or timer and got one again.", s.Repairs},
		} {
			w.Counter(c.name, c.help, float64(c.value))
		}
	}
}

func showServer(server *server.Server) metrics.Source {
	return func(_ context.Context, w *metrics.Writer) {
		s := server.Stats()
		const open, opened = "WebSockets and event streams that are open.", "WebSockets and event streams that were opened."
		w.Gauge("zeblit_connections", open, float64(s.Sockets), "door", "websocket")
		w.Gauge("zeblit_connections", open, float64(s.Streams), "door", "events")
		w.Counter("zeblit_connections_opened_total", opened, float64(s.SocketsOpened), "door", "websocket")
		w.Counter("zeblit_connections_opened_total", opened, float64(s.StreamsOpened), "door", "events")
		for class, n := range s.Answers {
			if class >= 2 {
				w.Counter("zeblit_http_requests_total", "Answers to POST and GET at /graphql, by the class of their status; those that a door's guard refuses too.",
					float64(n), "code", strconv.Itoa(class)+"xx")
			}
		}
		const operations = "Operations within WebSockets, by whether the rate of requests let them in."
		w.Counter("zeblit_socket_operations_total", operations, float64(s.Operations-s.Refused), "outcome", "allowed")
		w.Counter("zeblit_socket_operations_total", operations, float64(s.Refused), "outcome", "refused")
	}
}

// listenMetrics opens the listener that shows the metrics without asking who it is.
// serve works until its context ends; nil: there is none.
func (a *App) listenMetrics(ctx context.Context) (serve func(context.Context) error, err error) {
	if a.cfg.MetricsAddr == "" {
		return nil, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for the metrics: %w", err)
	}
	a.logger.InfoContext(ctx, "the metrics are shown, to everybody who reaches them", "url", "http://"+listener.Addr().String()+"/metrics")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		a.metrics.ServeHTTP(w, r)
	})
	front := server.HTTPServer(mux, a.logger)
	return func(ctx context.Context) error {
		failed := make(chan error, 1)
		go func() { failed <- front.Serve(listener) }()
		select {
		case err := <-failed:
			return fmt.Errorf("serve the metrics: %w", err)
		case <-ctx.Done():
		}
		err := front.Close()
		if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}
