package command

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// keptOutput is how many bytes of a command's output are kept whole.
	keptOutput = 10 << 20
	// keptTail is how many of the last bytes are kept where it printed more than that.
	keptTail = 64 << 10
	// maxPiece is how many bytes an event and a row have at most. JSON may make six of each,
	// and an event has 60 KiB.
	maxPiece = 8 << 10
	// smallInput is up to where an event of output repeats its call's input.
	smallInput = 1 << 10
	// flushEvery is how long printed text may wait for more.
	flushEvery = 100 * time.Millisecond
	// waiting is how many bytes may wait to be written; then the command waits.
	waiting = 64 << 10
)

// record writes down what a command prints, as events and as rows, in its order.
type record struct {
	s      *Service
	ctx    context.Context // of the command's host
	c      *ent.Command
	handle access.StreamHandle
	call   *ent.ToolCall // nil for a person's command
	actor  stream.Actor

	mu      sync.Mutex
	pieces  []piece
	size    int
	due     *time.Timer // nil while nothing waits
	err     error
	printed int64 // bytes so far
	written int64 // of them, in pieces: the offset of the next one
	kept    int64
	tail    []piece // after keptOutput
	// open are characters that are not whole yet, by stream.
	open map[enum.OutputStream][]byte
}

type piece struct {
	offset int64
	stream enum.OutputStream
	data   []byte
}

// write takes a chunk. It waits for the database when much is waiting, and the command
// with it.
func (r *record) write(chunk sandbox.Chunk) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := enum.Stdout
	if chunk.Stream == sandbox.Stderr {
		of = enum.Stderr
	}
	data := append(r.open[of], chunk.Data...)
	r.printed += int64(len(chunk.Data))
	cut := complete(data)
	r.open[of] = append([]byte(nil), data[cut:]...)
	r.add(of, data[:cut])
	if r.size >= waiting {
		r.flush()
	} else if r.size > 0 && r.due == nil {
		r.due = time.AfterFunc(flushEvery, r.late)
	}
	return r.err
}

func (r *record) late() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
}

// add cuts data into pieces.
func (r *record) add(of enum.OutputStream, data []byte) {
	for len(data) > 0 {
		n := whole(data, maxPiece)
		p := piece{r.written, of, append([]byte(nil), data[:n]...)}
		if r.kept+int64(n) <= keptOutput {
			r.kept += int64(n)
			r.size += n
			r.pieces = append(r.pieces, p)
		} else {
			r.kept = keptOutput // nothing more is kept but the tail
			r.tail = append(r.tail, p)
			for size := tailSize(r.tail); size-len(r.tail[0].data) >= keptTail; {
				size -= len(r.tail[0].data)
				r.tail = r.tail[1:]
			}
		}
		r.written += int64(n)
		data = data[n:]
	}
}

func tailSize(tail []piece) (n int) {
	for _, p := range tail {
		n += len(p.data)
	}
	return n
}

// finish writes what is left.
func (r *record) finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for of, data := range r.open {
		r.add(of, data)
	}
	r.open = map[enum.OutputStream][]byte{}
	if len(r.tail) > 0 {
		r.pieces = append(r.pieces, r.tail...)
		r.tail = nil
	}
	r.flush()
	return r.err
}

// flush writes what waits. An error ends the command: nothing of its output may be lost.
func (r *record) flush() {
	if r.due != nil {
		r.due.Stop()
		r.due = nil
	}
	if len(r.pieces) == 0 || r.err != nil {
		return
	}
	pieces := r.pieces
	r.pieces, r.size = nil, 0
	err := r.s.db.InTx(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := mine(ctx, tx, r.c, func(u *ent.CommandUpdate) { u.SetOutputBytes(r.printed).SetKeptBytes(r.kept) }); err != nil {
			return err
		}
		rows := make([]*ent.OutputPieceCreate, len(pieces))
		for i, p := range pieces {
			rows[i] = tx.Ent.OutputPiece.Create().SetProjectID(r.c.ProjectID).SetCommandID(r.c.ID).
				SetOffset(p.offset).SetStream(p.stream).SetData(p.data)
			r.s.log.Append(tx, r.handle, r.event(p))
		}
		return tx.Ent.OutputPiece.CreateBulk(rows...).Exec(ctx)
	})
	if err != nil {
		r.err = fmt.Errorf("keep the output of command %s: %w", r.c.ID, err)
	}
}

// event tells a watcher of a piece: of the agent's tool call where there is one.
func (r *record) event(p piece) stream.Draft {
	runID := ""
	if r.c.RunID != nil {
		runID = *r.c.RunID
	}
	text := escape(p.data)
	if r.call != nil {
		call := *r.call
		call.Output = ""
		if len(call.Input) > smallInput {
			return stream.Draft{Type: enum.EventToolCallOutput, RunID: runID, Payload: stream.ToolCallPayload{
				V: 1, ID: call.ID, Text: text, Stream: p.stream, Actor: &r.actor,
			}}
		}
		return stream.Draft{Type: enum.EventToolCallOutput, RunID: runID, Payload: stream.ToolCallPayload{
			V: 1, ToolCall: &call, Text: text, Stream: p.stream, Actor: &r.actor,
		}}
	}
	return stream.Draft{Type: enum.EventCommandOutput, RunID: runID, Payload: stream.OutputPayload{
		V: 1, CommandID: r.c.ID, Stream: p.stream, Offset: p.offset, Text: text, Actor: &r.actor,
	}}
}

// mine is the first write of each transaction of a host: it refuses one that was taken
// for dead, whose command has ended.
func mine(ctx context.Context, tx *store.Tx, c *ent.Command, set func(*ent.CommandUpdate)) error {
	update := tx.Ent.Command.Update().Where(command.ID(c.ID), command.StateEQ(enum.CommandRunning), command.Holder(c.Holder))
	set(update)
	n, err := update.Save(ctx)
	if err == nil && n == 0 {
		err = errNotMine
	}
	return err
}

// complete is how many bytes of data are whole characters, or none at all.
func complete(data []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(data); back++ {
		at := len(data) - back
		if utf8.RuneStart(data[at]) {
			if !utf8.FullRune(data[at:]) {
				return at
			}
			break
		}
	}
	return len(data)
}
