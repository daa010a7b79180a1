package merge

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/workspace"
)

// markers is how long the marks of a conflict are made, so that none stands in a text.
const markers = 71

// describe adds to the conflicts what their sides hold.
func (r *repository) describe(ctx context.Context, m *workspace.Merging, all []Conflict) error {
	left := maxHunks
	for i := range all {
		c := &all[i]
		var texts [3][]byte
		readable := true
		for j, s := range []*Side{c.Base, c.Ours, c.Theirs} {
			if s == nil {
				continue
			}
			if s.Mode == "160000" { // another repository's commit
				readable = false
				continue
			}
			content, err := m.Content(s.Revision)
			if err != nil {
				return err
			}
			s.Size, texts[j] = int64(len(content)), content
			readable = readable && !s.Link() && text(content)
		}
		if c.Ours == nil || c.Theirs == nil || !readable {
			if c.Ours != nil && c.Theirs != nil && c.Kind == enum.ConflictContent {
				c.Kind = enum.ConflictBinary
			}
			continue
		}
		if left <= 0 {
			c.Cut = true
			continue
		}
		hunks, err := r.hunks(ctx, texts)
		if err != nil {
			return err
		}
		left -= c.keep(hunks, min(left, maxPathHunks))
	}
	return nil
}

func text(content []byte) bool {
	return len(content) <= workspace.MaxText && utf8.Valid(content) && bytes.IndexByte(content, 0) < 0
}

// keep takes hunks up to most bytes and returns how many they have.
func (c *Conflict) keep(hunks []Hunk, most int) (used int) {
	for _, h := range hunks {
		size := 0
		for _, side := range [][]string{h.Base, h.Ours, h.Theirs} {
			for _, line := range side {
				size += len(line) + 1
			}
		}
		if used+size > most {
			c.Cut = true
			return used
		}
		used += size
		c.Hunks = append(c.Hunks, h)
	}
	return used
}

// hunks has git merge three texts and finds the places where it can't.
func (r *repository) hunks(ctx context.Context, texts [3][]byte) ([]Hunk, error) {
	files := make([]string, 3)
	for i, content := range texts {
		if bytes.Contains(content, []byte(strings.Repeat("<", markers))) || bytes.Contains(content, []byte(strings.Repeat("=", markers))) ||
			bytes.Contains(content, []byte(strings.Repeat(">", markers))) || bytes.Contains(content, []byte(strings.Repeat("|", markers))) {
			return nil, nil // a text that is made to be mistaken for a conflict
		}
		files[i] = filepath.Join(r.home, fmt.Sprint("side", i))
		if err := os.WriteFile(files[i], content, 0o600); err != nil {
			return nil, fmt.Errorf("write a side of a conflict: %w", err)
		}
	}
	out, code, err := r.run(ctx, nil, "merge-file", "-p", "--diff3", fmt.Sprint("--marker-size=", markers), files[1], files[0], files[2])
	if err != nil {
		return nil, err
	}
	if code > 127 {
		return nil, fmt.Errorf("git merge-file ended with %d", code)
	}
	return readHunks(string(out)), nil
}

func readHunks(merged string) (hunks []Hunk) {
	var h *Hunk
	var into *[]string
	for line := range strings.Lines(merged) {
		mark := func(c string) bool { return strings.HasPrefix(line, strings.Repeat(c, markers)) }
		switch {
		case mark("<"):
			h = &Hunk{Base: []string{}, Ours: []string{}, Theirs: []string{}}
			into = &h.Ours
		case h != nil && mark("|"):
			into = &h.Base
		case h != nil && mark("="):
			into = &h.Theirs
		case h != nil && mark(">"):
			hunks, h = append(hunks, *h), nil
		case h != nil:
			*into = append(*into, strings.TrimSuffix(line, "\n"))
		}
	}
	return hunks
}
