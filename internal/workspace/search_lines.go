package workspace

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/zeblit/zeblit/internal/linediff"
)

// looking is a search under way.
type looking struct {
	*matcher
	Found
	objs  *objects
	limit int
	until time.Time
}

// full reports whether the page is, or the search has to end.
func (l *looking) full() bool {
	switch {
	case l.Last.Matches >= MaxMatches:
		l.Truncated = true
	case len(l.Matches) >= l.limit:
		l.HasMore = true
	case time.Now().After(l.until):
		l.HasMore, l.Truncated = true, true
	default:
		return false
	}
	return true
}

// through looks through files, in their order, some at a time.
func (l *looking) through(ctx context.Context, leaves []leaf) error {
	begin := l.Last
	leaves = slices.DeleteFunc(leaves, func(f leaf) bool {
		done := f.path < begin.Path || f.path == begin.Path && (begin.Line == 0 || l.expression == nil)
		return done || !l.chooses(f.path) || l.expression != nil && f.entry.Mode == filemode.Symlink
	})
	if l.expression == nil {
		l.paths(leaves)
		return nil
	}
	hashes := make([]plumbing.Hash, len(leaves))
	for i, f := range leaves {
		hashes[i] = f.entry.Hash
	}
	sizes, err := l.objs.sizes(plumbing.BlobObject, hashes)
	if err != nil {
		return err
	}
	for len(leaves) > 0 && !l.full() {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, bytes := 0, int64(0)
		var wanted []plumbing.Hash
		for n < len(leaves) && n < rowBatch && (n == 0 || bytes < searchedBytes) {
			if size := sizes[leaves[n].entry.Hash]; size <= MaxSearched {
				bytes += size
				wanted = append(wanted, leaves[n].entry.Hash)
			}
			n++
		}
		texts := map[plumbing.Hash]string{}
		err := l.objs.each(wanted, func(s stored) error {
			if !isBinary(s.content) {
				texts[s.hash] = string(s.content)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, f := range leaves[:n] {
			if l.full() {
				return nil
			}
			skip := Place{}
			if f.path == begin.Path {
				skip = begin
			}
			if !l.file(f, texts[f.entry.Hash], skip) {
				return nil
			}
		}
		leaves = leaves[n:]
	}
	return nil
}

// paths tells the files themselves.
func (l *looking) paths(leaves []leaf) {
	for _, f := range leaves {
		if l.full() {
			return
		}
		l.tell(Match{Path: f.path, Revision: f.entry.Hash.String()})
	}
}

// file tells the matches of one file that come after skip, and reports whether it was
// looked through as a whole.
func (l *looking) file(f leaf, text string, skip Place) bool {
	// An expression can be about the begin and the end of a line, a plain pattern can't.
	if !l.Regexp && !l.expression.MatchString(text) {
		l.Last.Path, l.Last.Line, l.Last.Column = f.path, 0, 0
		return true
	}
	lines := linediff.Lines(text)
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], "\r\n")
	}
	for i, line := range lines {
		if i+1 < skip.Line {
			continue
		}
		for _, at := range l.expression.FindAllStringIndex(line, -1) {
			column := utf16Length(line[:at[0]]) + 1
			if i+1 == skip.Line && column <= skip.Column {
				continue
			}
			if l.full() {
				return false
			}
			m := Match{Path: f.path, Revision: f.entry.Hash.String(), Line: i + 1, Column: column}
			m.Text, m.Start, m.Length = clip(line, at[0], at[1])
			for _, before := range lines[max(0, i-l.Context):i] {
				m.Before = append(m.Before, clipped(before))
			}
			for _, after := range lines[i+1 : min(len(lines), i+1+l.Context)] {
				m.After = append(m.After, clipped(after))
			}
			l.tell(m)
		}
	}
	if l.Last.Path != f.path {
		l.Last.Path, l.Last.Line, l.Last.Column = f.path, 0, 0
	}
	return true
}

func (l *looking) tell(m Match) {
	l.Last.Path, l.Last.Line, l.Last.Column = m.Path, m.Line, m.Column
	l.Last.Matches++
	l.Matches = append(l.Matches, m)
	l.Places = append(l.Places, l.Last)
}

// clip is the part of a line around a match, and where that is in it.
func clip(line string, from, to int) (text string, start, length int) {
	begin := 0
	for n := 0; from-begin > 0 && utf8.RuneCountInString(line[begin:from]) > maxMatchText/4; n++ {
		_, size := utf8.DecodeRuneInString(line[begin:])
		begin += size
	}
	text = clipped(line[begin:])
	start = utf16Length(line[begin:from])
	length = min(utf16Length(line[from:to]), max(0, utf16Length(text)-start))
	return text, start, length
}

// clipped is the start of a line.
func clipped(line string) string {
	n := 0
	for i := range line {
		if n == maxMatchText {
			return line[:i]
		}
		n++
	}
	return line
}

func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
