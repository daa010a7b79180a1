package workspace

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/internal/linediff"
)

// fill works out the lines of a file.
func (d *differ) fill(f *FileDiff) error {
	if f.Old.Revision == f.New.Revision {
		return nil // moved, or another mode
	}
	var texts [2][]string
	for i, v := range []Version{f.Old, f.New} {
		if v.Revision == "" {
			continue
		}
		hash := plumbing.NewHash(v.Revision)
		size, err := d.objs.EncodedObjectSize(hash)
		if err != nil {
			return err
		}
		if size > MaxText {
			f.Truncated = true
			return d.sniff(f, hash)
		}
		content, err := d.objs.content(plumbing.BlobObject, hash)
		if err != nil {
			return err
		}
		if isBinary(content) {
			f.IsBinary, f.Truncated = true, false
			return nil
		}
		texts[i] = linediff.Lines(string(content))
	}
	if d.lines >= MaxDiffLines {
		f.Truncated = true
		return nil
	}
	d.hunks(f, texts[0], texts[1])
	return nil
}

// sniff finds out whether a file that is too large for lines is a text at all.
func (d *differ) sniff(f *FileDiff, hash plumbing.Hash) error {
	content, err := d.objs.content(plumbing.BlobObject, hash)
	if err == nil && isBinary(content) {
		f.IsBinary, f.Truncated = true, false
	}
	return err
}

func (d *differ) hunks(f *FileDiff, a, b []string) {
	blocks := linediff.Compare(a, b)
	for _, k := range blocks {
		f.Deletions += k.AEnd - k.A
		f.Additions += k.BEnd - k.B
	}
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && blocks[n].A-blocks[n-1].AEnd <= 2*hunkContext {
			n++
		}
		if d.lines >= MaxDiffLines {
			f.Truncated = true
			return
		}
		h := hunkOf(blocks[:n], a, b)
		if rest := MaxDiffLines - d.lines; len(h.Lines) > rest {
			h.Lines, f.Truncated = h.Lines[:rest], true
		}
		d.lines += len(h.Lines)
		f.Hunks = append(f.Hunks, h)
		blocks = blocks[n:]
	}
}

// hunkOf is blocks that are near each other, with the lines around them.
func hunkOf(blocks []linediff.Block, a, b []string) Hunk {
	first, last := blocks[0], blocks[len(blocks)-1]
	before, after := min(hunkContext, first.A), min(hunkContext, len(a)-last.AEnd)
	h := Hunk{
		OldStart: first.A - before + 1, OldLines: last.AEnd + after - first.A + before,
		NewStart: first.B - before + 1, NewLines: last.BEnd + after - first.B + before,
	}
	// As patches have it: where a side has no line, its number is that of the line before.
	if h.OldLines == 0 {
		h.OldStart--
	}
	if h.NewLines == 0 {
		h.NewStart--
	}
	x, y := first.A-before, first.B-before
	equal := func(until int) {
		for ; x < until; x, y = x+1, y+1 {
			h.Lines = append(h.Lines, diffLine(' ', x+1, y+1, a[x]))
		}
	}
	for _, k := range blocks {
		equal(k.A)
		for ; x < k.AEnd; x++ {
			h.Lines = append(h.Lines, diffLine('-', x+1, 0, a[x]))
		}
		for ; y < k.BEnd; y++ {
			h.Lines = append(h.Lines, diffLine('+', 0, y+1, b[y]))
		}
	}
	equal(last.AEnd + after)
	return h
}

func diffLine(kind byte, from, to int, line string) DiffLine {
	text, ended := strings.CutSuffix(line, "\n")
	return DiffLine{Kind: kind, Old: from, New: to, Text: text, NoNewline: !ended}
}
