package app

import (
	"context"

	"github.com/zeblit/zeblit/internal/metrics"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/stream"
)

// counter is one number that only grows.
type counter struct {
	name, help string
	value      float64
}

func show(w *metrics.Writer, counters []counter) {
	for _, c := range counters {
		w.Counter(c.name, c.help, c.value)
	}
}

// showStream follows an event from the log by the carrier to those who read it.
func showStream(log *stream.Log, hub *stream.Hub, compactor *stream.Compactor) metrics.Source {
	return func(_ context.Context, w *metrics.Writer) {
		l, h := log.Stats(), hub.Stats()
		w.Gauge("zeblit_stream_rooms", "Projects whose events this node follows.", float64(h.Rooms))
		w.Gauge("zeblit_stream_readers", "Readers of those projects' events.", float64(h.Readers))
		show(w, []counter{
			{"zeblit_stream_appends_total", "Transactions that appended events.", float64(l.Batches)},
			{"zeblit_stream_events_appended_total", "Events that they appended.", float64(l.Events)},
			{"zeblit_stream_append_seconds_total", "How long they took: from the first event's number to the end of the commit.", l.Time.Seconds()},
			{"zeblit_stream_events_heard_total", "Events that the carrier brought.", float64(h.Heard)},
			{"zeblit_stream_lag_seconds_total", "How long they were on their way: from when they were written until the carrier brought them.", h.Lag.Seconds()},
			{"zeblit_stream_ring_reads_total", "Reads that recent events in memory answered.", float64(h.RingHits)},
			{"zeblit_stream_pages_read_total", "Queries for events.", float64(h.PagesRead)},
			{"zeblit_stream_pages_shared_total", "Reads that another reader's query for events answered.", float64(h.PagesShared)},
			{"zeblit_stream_heads_read_total", "Queries for the end of one log.", float64(h.HeadsRead)},
			{"zeblit_stream_heads_shared_total", "Reads that another reader's query for the end answered.", float64(h.HeadsShared)},
			{"zeblit_stream_reads_failed_total", "Queries of a log that failed and were repeated.", float64(h.ReadsFailed)},
			{"zeblit_stream_heals_total", "Times that events were missing and were read from the log.", float64(h.Heals)},
			{"zeblit_stream_resets_total", "STREAM_RESET events handed out.", float64(h.Resets)},
			{"zeblit_stream_events_compacted_total", "Old events that were removed.", float64(compactor.Removed())},
		})
	}
}

// showDelivery follows it from there to the clients.
func showDelivery(server *server.Server) metrics.Source {
	return func(_ context.Context, w *metrics.Writer) {
		d := server.Stats().Delivery
		w.Gauge("zeblit_fanout_groups", "Sets of subscriptions that share their executions.", float64(d.Fanout.Groups))
		w.Gauge("zeblit_fanout_members", "Subscriptions in them.", float64(d.Fanout.Members))
		show(w, []counter{
			{"zeblit_fanout_executions_total", "Events executed once for all who share them.", float64(d.Fanout.Executions)},
			{"zeblit_fanout_reused_total", "Events told to those who catch up without another execution.", float64(d.Fanout.Reused)},
			{"zeblit_fanout_fallbacks_total", "Events executed for subscriptions of one viewer alone.", float64(d.Fanout.Fallbacks)},
		})
		const slow = "Connections closed because their client reads too slowly."
		w.Counter("zeblit_slow_closes_total", slow, float64(d.Sockets.SlowCloses), "door", "websocket")
		w.Counter("zeblit_slow_closes_total", slow, float64(d.Streams.SlowCloses), "door", "events")
		const frames, writes = "Frames and server-sent events written.", "Writes that they took."
		w.Counter("zeblit_frames_total", frames, float64(d.Sockets.Frames), "door", "websocket")
		w.Counter("zeblit_frames_total", frames, float64(d.Streams.Events), "door", "events")
		w.Counter("zeblit_writes_total", writes, float64(d.Sockets.Writes), "door", "websocket")
		w.Counter("zeblit_writes_total", writes, float64(d.Streams.Writes), "door", "events")
	}
}
