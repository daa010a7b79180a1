package workspace

import (
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"entgo.io/ent/dialect/sql"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent/gitobject"
)

const (
	// firstPiece is how many deflated bytes of a large object are read first, which says
	// of most binary files that they are. Each further piece has twice as many, up to
	// lastPiece.
	firstPiece = 64 << 10
	lastPiece  = 4 << 20
)

// isLargeBinary is isBinary of an object's content that is not in memory as a whole: no
// more of it is read than it takes to know.
func (o *objects) isLargeBinary(hash plumbing.Hash, size int64) (_ bool, err error) {
	r, err := zlib.NewReader(&pieces{objs: o, hash: hash.String(), next: firstPiece})
	if errors.Is(err, plumbing.ErrObjectNotFound) { // it is in no row of its own
		whole, err := o.content(plumbing.BlobObject, hash)
		return isBinary(whole), err
	}
	if err != nil {
		return false, fmt.Errorf("inflate git object %s: %w", hash, err)
	}
	var s sniffer
	n, err := io.Copy(&s, io.LimitReader(r, size+1))
	switch {
	case errors.Is(err, errBinary):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("inflate git object %s: %w", hash, err)
	case n != size:
		return false, fmt.Errorf("git object %s has not the %d bytes it should", hash, size)
	}
	return len(s.open) > 0, nil
}

// pieces reads an object's row, deflated as it is, a little at a time.
type pieces struct {
	objs *objects
	hash string
	at   int // how many bytes were read
	next int // how many are read next
	data []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		if err := p.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.data)
	p.data = p.data[n:]
	return n, nil
}

func (p *pieces) fetch() error {
	var rows []struct {
		Piece []byte `sql:"piece"`
	}
	err := p.objs.query([]string{p.hash}).Modify(func(s *sql.Selector) {
		s.Select(sql.As(fmt.Sprintf("substr(%s, %d, %d)", s.C(gitobject.FieldData), p.at+1, p.next), "piece"))
	}).Scan(p.objs.ctx, &rows)
	switch {
	case err != nil:
		return fmt.Errorf("read a part of git object %s: %w", p.hash, err)
	case len(rows) == 0:
		return plumbing.ErrObjectNotFound
	case len(rows[0].Piece) == 0:
		return io.EOF
	}
	p.data = rows[0].Piece
	p.at, p.next = p.at+len(p.data), min(2*p.next, lastPiece)
	return nil
}

// errBinary ends the reading of what is no text.
var errBinary = errors.New("the content is binary")

// sniffer fails when what is written to it is binary, as isBinary says.
type sniffer struct {
	seen int
	open []byte // the bytes of a character that isn't whole yet
}

func (s *sniffer) Write(p []byte) (int, error) {
	for _, b := range p[:min(len(p), max(sniffed-s.seen, 0))] {
		if b == 0 {
			return 0, errBinary
		}
	}
	s.seen += len(p)
	n := len(p)
	for len(s.open) > 0 && len(p) > 0 {
		s.open, p = append(s.open, p[0]), p[1:]
		if utf8.FullRune(s.open) {
			if !utf8.Valid(s.open) {
				return 0, errBinary
			}
			s.open = s.open[:0]
		}
	}
	whole := len(p)
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if at := len(p) - back; utf8.RuneStart(p[at]) {
			if !utf8.FullRune(p[at:]) {
				whole = at
			}
			break
		}
	}
	if !utf8.Valid(p[:whole]) {
		return 0, errBinary
	}
	s.open = append(s.open, p[whole:]...)
	return n, nil
}
