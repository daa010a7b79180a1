// Package room bounds how much content of files is in memory for clients to take. A
// client takes it as fast as it can: until it has it, or is cut, its room is taken.
//
// Small files have room of their own, so that pages don't wait for those who take large
// ones.
package room

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	// small is up to how many bytes a file counts as a small one.
	small = 256 << 10
	// part is how many bytes are written at once.
	part = 32 << 10
)

// Limits are the bounds of a Room. What is zero has its default.
type Limits struct {
	// Large is how many bytes of files over 256 KiB are in memory at once: 150 MiB.
	Large int64
	// Small is how many bytes of other files are: 32 MiB.
	Small int64
	// Turn is how long a request waits for room: 10 s.
	Turn time.Duration
	// Pause is how long a client may take nothing: 30 s.
	Pause time.Duration
	// Pace is how many bytes a second a client takes at least, on the whole: 64 KiB.
	Pace int64
}

// Room is what all requests of a node share.
type Room struct {
	limits       Limits
	large, small *semaphore.Weighted
}

// New makes a Room.
func New(l Limits) *Room {
	fallback(&l.Large, 3*workspace.MaxFile)
	fallback(&l.Small, 32<<20)
	fallback(&l.Turn, 10*time.Second)
	fallback(&l.Pause, 30*time.Second)
	fallback(&l.Pace, 64<<10)
	return &Room{limits: l, large: semaphore.NewWeighted(l.Large), small: semaphore.NewWeighted(l.Small)}
}

func fallback[T ~int64](value *T, otherwise T) {
	if *value == 0 {
		*value = otherwise
	}
}

// Take waits for room for a content that is then read, and sent with Writer. UNAVAILABLE
// when there is none in time; else leave gives it back. A content that is larger than all
// there is has it alone.
func (r *Room) Take(ctx context.Context, size int64) (leave func(), err error) {
	of, all := r.large, r.limits.Large
	if size <= small {
		of, all = r.small, r.limits.Small
	}
	size = min(size, all)
	waiting, cancel := context.WithTimeout(ctx, r.limits.Turn)
	defer cancel()
	if of.Acquire(waiting, size) != nil {
		return nil, &problem.Error{
			Code: problem.Unavailable, RetryAfter: r.limits.Turn, Message: "too many files are being taken at the moment: try again",
		}
	}
	return func() { of.Release(size) }, nil
}

// Writer is w for an answer of size bytes: a client that takes nothing for a while, or is
// too slow on the whole, is cut.
func (r *Room) Writer(w http.ResponseWriter, size int64) http.ResponseWriter {
	until := time.Now().Add(r.limits.Pause + time.Duration(size/r.limits.Pace)*time.Second)
	p := &patient{ResponseWriter: w, pause: r.limits.Pause, until: until}
	p.extend()
	return p
}

// patient gives each part of what is written some time of its own.
type patient struct {
	http.ResponseWriter
	pause time.Duration
	until time.Time // when all is to be written
}

func (p *patient) extend() {
	next := time.Now().Add(p.pause)
	if next.After(p.until) {
		next = p.until
	}
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(next) // what keeps an answer has none
}

func (p *patient) Write(b []byte) (written int, err error) {
	for first := true; first || len(b) > 0; first = false {
		p.extend()
		n, err := p.ResponseWriter.Write(b[:min(len(b), part)])
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
