package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/outputpiece"
)

// OutputRange says which part of a command's output is wanted.
type OutputRange struct {
	// Stream is one of both; "" takes both, in the order in which they came.
	Stream enum.OutputStream
	// After leaves out what came in the first After bytes of all output.
	After int64
	// Limit is how many bytes are returned at most.
	Limit int
	// Ends, when it isn't 0, takes the first and the last half of so many bytes instead.
	Ends int
}

// Output is a part of what a command printed.
type Output struct {
	// Text is it, with bytes that are not UTF-8 written as \xNN. ANSI sequences are kept.
	Text string
	// Next is where to go on: After of the next range.
	Next int64
	// More says that there is more now.
	More bool
}

// piecesAtOnce is how many pieces of output one statement reads.
const piecesAtOnce = 32

// Output reads what is kept of a command's output.
func (s *Service) Output(ctx context.Context, c *ent.Command, r OutputRange) (Output, error) {
	return printed{s.db.Ent}.output(ctx, c, r)
}

// printed reads output through a client.
type printed struct{ ent *ent.Client }

func (from printed) output(ctx context.Context, c *ent.Command, r OutputRange) (Output, error) {
	if r.Ends > 0 {
		return from.headAndTail(ctx, c, r)
	}
	var b strings.Builder
	next := r.After
	for {
		pieces, err := from.pieces(ctx, c.ID, r.Stream, next, piecesAtOnce)
		if err != nil {
			return Output{}, err
		}
		for _, p := range pieces {
			data := p.Data
			if skip := next - p.Offset; skip > 0 && skip < int64(len(data)) {
				data = data[skip:]
			}
			if room := r.Limit - b.Len(); len(data) > room {
				data = data[:whole(data, room)]
				b.WriteString(escape(data))
				return Output{Text: b.String(), Next: max(next, p.Offset) + int64(len(data)), More: true}, nil
			}
			b.WriteString(escape(data))
			next = p.Offset + int64(len(p.Data))
		}
		if len(pieces) < piecesAtOnce {
			return Output{Text: b.String(), Next: next}, nil
		}
	}
}

// headAndTail takes the head and the tail.
func (from printed) headAndTail(ctx context.Context, c *ent.Command, r OutputRange) (Output, error) {
	half := r.Ends / 2
	head, err := from.output(ctx, c, OutputRange{Stream: r.Stream, Limit: r.Ends})
	if err != nil || !head.More {
		return head, err
	}
	if head, err = from.output(ctx, c, OutputRange{Stream: r.Stream, Limit: half}); err != nil {
		return Output{}, err
	}
	pieces, err := from.last(ctx, c.ID, r.Stream, half)
	if err != nil {
		return Output{}, err
	}
	var tail []byte
	for _, p := range pieces {
		tail = append(tail, p.Data...)
	}
	if len(tail) > half {
		tail = tail[len(tail)-half:]
		for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
			tail = tail[1:]
		}
	}
	left := c.OutputBytes - int64(half) - int64(len(tail))
	head.Text += fmt.Sprintf("\n… (%d bytes are left out) …\n", max(left, 0)) + escape(tail)
	return head, nil
}

// pieces are those that have something after so many bytes of all output.
func (from printed) pieces(ctx context.Context, id string, of enum.OutputStream, after int64, limit int) ([]*ent.OutputPiece, error) {
	if after > 0 {
		before, err := from.ofStream(id, of).Where(outputpiece.OffsetLTE(after)).Order(ent.Desc(outputpiece.FieldOffset)).First(ctx)
		switch {
		case ent.IsNotFound(err):
		case err != nil:
			return nil, fmt.Errorf("read the output of command %s: %w", id, err)
		case before.Offset+int64(len(before.Data)) > after:
			after = before.Offset
		}
	}
	pieces, err := from.ofStream(id, of).Where(outputpiece.OffsetGTE(after)).Order(ent.Asc(outputpiece.FieldOffset)).Limit(limit).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the output of command %s: %w", id, err)
	}
	return pieces, nil
}

func (from printed) ofStream(id string, of enum.OutputStream) *ent.OutputPieceQuery {
	q := from.ent.OutputPiece.Query().Where(outputpiece.CommandID(id))
	if of != "" {
		q.Where(outputpiece.StreamEQ(of))
	}
	return q
}

func (from printed) last(ctx context.Context, id string, of enum.OutputStream, bytes int) ([]*ent.OutputPiece, error) {
	var out []*ent.OutputPiece
	size := 0
	rows, err := from.ofStream(id, of).Order(ent.Desc(outputpiece.FieldOffset)).Limit(piecesAtOnce).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the end of command %s's output: %w", id, err)
	}
	for _, p := range rows {
		out = append([]*ent.OutputPiece{p}, out...)
		if size += len(p.Data); size >= bytes {
			break
		}
	}
	return out, nil
}

// escape is text for data: bytes that are not UTF-8 are written as \xNN, and so is NUL,
// which PostgreSQL's text can't hold.
func escape(data []byte) string {
	if utf8.Valid(data) && !strings.ContainsRune(string(data), 0) {
		return string(data)
	}
	var b strings.Builder
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == 0 || r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, data[0])
			data = data[1:]
			continue
		}
		b.Write(data[:n])
		data = data[n:]
	}
	return b.String()
}

// whole is how many bytes of data, at most most, end with a whole character.
func whole(data []byte, most int) int {
	if most >= len(data) {
		return len(data)
	}
	cut := most
	for i := 0; i < utf8.UTFMax && cut > 0 && !utf8.RuneStart(data[cut]); i++ {
		cut--
	}
	if cut == 0 || !utf8.RuneStart(data[cut]) {
		return most // no text
	}
	return cut
}

// Digest is the SHA-256 of what is kept of a command's output, in hexadecimal.
func (s *Service) Digest(ctx context.Context, c *ent.Command) (string, error) {
	sum := sha256.New()
	for next := int64(0); ; {
		pieces, err := printed{s.db.Ent}.pieces(ctx, c.ID, "", next, piecesAtOnce)
		if err != nil {
			return "", err
		}
		for _, p := range pieces {
			sum.Write(p.Data)
			next = p.Offset + int64(len(p.Data))
		}
		if len(pieces) < piecesAtOnce {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
	}
}
