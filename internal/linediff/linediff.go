// Package linediff finds which lines differ between two texts: Myers' shortest edit
// script where that is cheap, and between the lines that stand once in both texts where
// it isn't. What it takes is bounded by the length of the texts, whatever is in them.
package linediff

import (
	"slices"
	"strings"
)

// maxEdits is the longest script that is looked for in one go. Memory grows with its
// square: 8 MB at this length.
const maxEdits = 1000

// Block is lines that were replaced: those from A to AEnd of the first text by those
// from B to BEnd of the second. One of the two may be empty.
type Block struct{ A, AEnd, B, BEnd int }

// Lines splits a text after each newline; the last line may have none.
func Lines(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// Compare returns the blocks in which two texts differ, in order. Between them the lines
// are equal.
func Compare(a, b []string) []Block {
	ids := map[string]int32{}
	number := func(lines []string) []int32 {
		out := make([]int32, len(lines))
		for i, line := range lines {
			id, ok := ids[line]
			if !ok {
				id = int32(len(ids)) //nolint:gosec // a text has fewer lines
				ids[line] = id
			}
			out[i] = id
		}
		return out
	}
	c := comparison{a: number(a), b: number(b)}
	c.compare(0, len(a), 0, len(b), true)
	return c.blocks
}

type comparison struct {
	a, b   []int32
	blocks []Block
}

// compare adds the blocks within a part of each text.
func (c *comparison) compare(a, aEnd, b, bEnd int, split bool) {
	for a < aEnd && b < bEnd && c.a[a] == c.b[b] {
		a, b = a+1, b+1
	}
	for a < aEnd && b < bEnd && c.a[aEnd-1] == c.b[bEnd-1] {
		aEnd, bEnd = aEnd-1, bEnd-1
	}
	if a == aEnd || b == bEnd {
		c.add(Block{a, aEnd, b, bEnd})
		return
	}
	if blocks, ok := myers(c.a[a:aEnd], c.b[b:bEnd]); ok {
		for _, k := range blocks {
			c.add(Block{a + k.A, a + k.AEnd, b + k.B, b + k.BEnd})
		}
		return
	}
	if !split {
		c.add(Block{a, aEnd, b, bEnd})
		return
	}
	fromA, fromB := a, b
	for _, at := range anchors(c.a[a:aEnd], c.b[b:bEnd]) {
		x, y := fromA+at[0], fromB+at[1]
		c.compare(a, x, b, y, false)
		a, b = x+1, y+1
	}
	c.compare(a, aEnd, b, bEnd, false)
}

// add appends a block, joined with the one before it where they touch.
func (c *comparison) add(k Block) {
	if k.A == k.AEnd && k.B == k.BEnd {
		return
	}
	if n := len(c.blocks); n > 0 && c.blocks[n-1].AEnd == k.A && c.blocks[n-1].BEnd == k.B {
		c.blocks[n-1].AEnd, c.blocks[n-1].BEnd = k.AEnd, k.BEnd
		return
	}
	c.blocks = append(c.blocks, k)
}

// myers finds the shortest script of at most maxEdits deleted and inserted lines.
func myers(a, b []int32) (blocks []Block, ok bool) {
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	reach := make([]int32, 2*limit+3) // by diagonal: how far along a
	var trace [][]int32
	for d := 0; d <= limit; d++ {
		for k := -d; k <= d; k += 2 {
			at := k + limit + 1
			var x int
			if k == -d || k != d && reach[at-1] < reach[at+1] {
				x = int(reach[at+1])
			} else {
				x = int(reach[at-1]) + 1
			}
			y := x - k
			for x < n && y < m && y >= 0 && a[x] == b[y] {
				x, y = x+1, y+1
			}
			reach[at] = int32(x) //nolint:gosec // a text has fewer lines
			if x >= n && y >= m {
				return backtrack(append(trace, slices.Clone(reach[limit+1-d:limit+2+d])), n, m), true
			}
		}
		trace = append(trace, slices.Clone(reach[limit+1-d:limit+2+d]))
	}
	return nil, false
}

// backtrack walks from the end to the start and collects what isn't equal. trace[d] has
// the diagonals -d to d.
func backtrack(trace [][]int32, x, y int) []Block {
	var blocks []Block
	edit := func(k Block) {
		if n := len(blocks); n > 0 && blocks[n-1].A == k.AEnd && blocks[n-1].B == k.BEnd {
			blocks[n-1].A, blocks[n-1].B = k.A, k.B
			return
		}
		blocks = append(blocks, k)
	}
	for d := len(trace) - 1; d > 0; d-- {
		before := trace[d-1]
		get := func(k int) int32 {
			if i := k + d - 1; i >= 0 && i < len(before) {
				return before[i]
			}
			return -1
		}
		k := x - y
		if k == -d || k != d && get(k-1) < get(k+1) {
			from := int(get(k + 1))
			edit(Block{from, from, from - k - 1, from - k})
			x, y = from, from-k-1
		} else {
			from := int(get(k - 1))
			edit(Block{from, from + 1, from - k + 1, from - k + 1})
			x, y = from, from-k+1
		}
	}
	slices.Reverse(blocks)
	return blocks
}

// anchors are the places of lines that stand once in both texts, as many as keep their
// order.
func anchors(a, b []int32) [][2]int {
	type place struct{ a, b, timesA, timesB int }
	places := map[int32]*place{}
	get := func(id int32) *place {
		if places[id] == nil {
			places[id] = &place{}
		}
		return places[id]
	}
	for i, id := range a {
		p := get(id)
		p.a, p.timesA = i, p.timesA+1
	}
	for i, id := range b {
		p := get(id)
		p.b, p.timesB = i, p.timesB+1
	}
	// The longest sequence that rises in b, by patience sorting.
	var tails []*place
	before := map[*place]*place{}
	for i, id := range a {
		p := places[id]
		if p.timesA != 1 || p.timesB != 1 || p.a != i {
			continue
		}
		at, _ := slices.BinarySearchFunc(tails, p.b, func(t *place, b int) int { return t.b - b })
		if at > 0 {
			before[p] = tails[at-1]
		}
		if at == len(tails) {
			tails = append(tails, p)
		} else {
			tails[at] = p
		}
	}
	if len(tails) == 0 {
		return nil
	}
	var out [][2]int
	for p := tails[len(tails)-1]; p != nil; p = before[p] {
		out = append(out, [2]int{p.a, p.b})
	}
	slices.Reverse(out)
	return out
}
