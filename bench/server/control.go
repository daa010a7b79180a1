package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// usualText is about what a model says between two commits, in bytes.
const usualText = 40

// text begins with when it was due, in microseconds since 1970, for the watcher to
// tell how late it is.
func text(due int64, size int) string {
	begin := fmt.Sprintf("%016d ", due)
	const words = "the model goes on and on about what it is building "
	return begin + strings.Repeat(words, max(size-len(begin), 0)/len(words)+1)[:max(size-len(begin), 0)]
}

// controlServer is for the benchmark alone: profiles, counts, and the publisher.
func controlServer(ctx context.Context, f *feed) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/stats", stats)
	mux.HandleFunc("/publish", func(w http.ResponseWriter, r *http.Request) { f.serve(ctx, w, r) })
	return &http.Server{Handler: mux} //nolint:gosec // of a benchmark
}

// stats counts what is held; with ?collect=1 after a collection that gives back what
// is free.
func stats(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("collect") != "" {
		runtime.GC()
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_ = json.NewEncoder(w).Encode(map[string]uint64{
		"goroutines": uint64(runtime.NumGoroutine()), "heap": m.HeapAlloc, "stacks": m.StackInuse,
	})
}

// serve publishes on a connection of its own. With pace it makes a batch in each of
// these times, whatever becomes of them; without, one for each byte that the client
// sends. A "q" ends it, and is answered with the number of batches and the microseconds
// that making them took.
func (f *feed) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	events, _ := strconv.Atoi(q.Get("events"))
	size, _ := strconv.Atoi(q.Get("size"))
	pace, _ := time.ParseDuration(q.Get("pace"))
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	credits := make(chan int, 1)
	quit := make(chan struct{})
	go func() {
		defer close(quit)
		count(buffered.Reader, credits)
	}()
	batches, took, err := f.loop(ctx, publication{max(events, 1), size, pace}, credits, quit)
	if err != nil {
		_, _ = fmt.Fprintf(conn, "%v\n", err)
		return
	}
	_, _ = fmt.Fprintf(conn, "%d %d\n", batches, took.Microseconds())
}

// publication is how events are made.
type publication struct {
	events, size int // of each project at once; bytes of text
	pace         time.Duration
}

// count adds up credits for whoever takes them, until a "q" or the end.
func count(r *bufio.Reader, credits chan int) {
	for {
		b, err := r.ReadByte()
		if err != nil || b == 'q' {
			return
		}
		n := 1
		select {
		case n = <-credits:
			n++
		default:
		}
		credits <- n // there is room: nobody else puts anything in
	}
}

func (f *feed) loop(ctx context.Context, p publication, credits <-chan int, quit <-chan struct{}) (batches int, took time.Duration, err error) {
	due := time.Now()
	for {
		next := 1
		if p.pace > 0 {
			due = due.Add(p.pace)
			select {
			case <-quit:
				return batches, took, nil
			case <-time.After(time.Until(due)):
			}
		} else {
			select {
			case <-quit:
				return batches, took, nil
			case next = <-credits:
				due = time.Now()
			}
		}
		for range next {
			begun := time.Now()
			if err := f.publish(ctx, p.events, text(due.UnixMicro(), p.size)); err != nil {
				return batches, took, fmt.Errorf("publish: %w", err)
			}
			took += time.Since(begun)
			batches++
		}
	}
}
