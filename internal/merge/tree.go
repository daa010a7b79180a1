package merge

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

// outcome is what git made of a merge.
type outcome struct {
	tree      string
	conflicts []Conflict // none: it is clean
}

// byGit merges both sides with git, and takes the objects that it made into m.
func (g git) merge(ctx context.Context, m *workspace.Merging) (_ *outcome, err error) {
	r, err := g.repository()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.remove()) }()
	stand, err := r.fill(ctx, m)
	if err != nil {
		return nil, err
	}
	for name, hash := range map[string]string{"ours": stand.Ours, "theirs": stand.Theirs} {
		if err := r.put("refs/heads/"+name, hash+"\n"); err != nil {
			return nil, err
		}
	}
	out, code, err := r.run(ctx, nil, "merge-tree", "--write-tree", "-z", "--messages", "ours", "theirs")
	if err != nil || code > 1 {
		return nil, errors.Join(err, r.tooOld(ctx, code))
	}
	made, err := parse(out)
	if err != nil {
		return nil, err
	}
	if err := r.collect(m); err != nil {
		return nil, err
	}
	if err := m.Prune(made.tree); err != nil {
		return nil, err
	}
	return made, r.describe(ctx, m, made.conflicts)
}

// fill gives the repository the objects that the merge needs.
func (r *repository) fill(ctx context.Context, m *workspace.Merging) (*workspace.Exported, error) {
	in, out := io.Pipe()
	type exported struct {
		stand *workspace.Exported
		err   error
	}
	done := make(chan exported, 1)
	go func() {
		stand, err := m.Export(out)
		_ = out.CloseWithError(err)
		done <- exported{stand, err}
	}()
	_, _, err := r.run(ctx, in, "index-pack", "--stdin")
	_ = in.CloseWithError(io.ErrClosedPipe) // the writer ends, whatever the command read
	wrote := <-done
	if wrote.err != nil && !errors.Is(wrote.err, io.ErrClosedPipe) {
		return nil, wrote.err
	}
	return wrote.stand, err
}

// tooOld says what is wrong with a git that doesn't know how to merge without a folder.
func (r *repository) tooOld(ctx context.Context, code int) error {
	version, _, err := r.run(ctx, nil, "version")
	if err != nil {
		return err
	}
	fields := strings.Fields(string(version))
	if len(fields) >= 3 {
		var major, minor int
		if _, err := fmt.Sscanf(fields[2], "%d.%d", &major, &minor); err == nil && (major < 2 || major == 2 && minor < 38) {
			return problem.New(problem.Unavailable, "merging needs git 2.38 or later; where Zeblit's workers run it is %s", fields[2])
		}
	}
	return fmt.Errorf("git merge-tree ended with %d", code)
}

// collect reads the objects that the merge wrote: they alone are loose.
func (r *repository) collect(m *workspace.Merging) error {
	folders, err := filepath.Glob(filepath.Join(r.dir, "objects", "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		return err
	}
	for _, file := range folders {
		kind, content, err := readLoose(file)
		if err != nil {
			return fmt.Errorf("read what git wrote: %w", err)
		}
		if _, err := m.Add(kind, content); err != nil {
			return err
		}
	}
	return nil
}

func readLoose(file string) (_ plumbing.ObjectType, content []byte, err error) {
	f, err := os.Open(file) //nolint:gosec // a folder of our own
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := objfile.NewReader(f)
	if err != nil {
		return 0, nil, err
	}
	kind, size, err := r.Header()
	if err != nil {
		return 0, nil, err
	}
	content, err = io.ReadAll(io.LimitReader(r, size))
	return kind, content, errors.Join(err, r.Close())
}

// parse reads what git-merge-tree says with -z: the tree; then for each file in conflict
// its mode, revision, side and path; then messages, each with the paths it is about.
func parse(out []byte) (*outcome, error) {
	fields := strings.Split(string(bytes.TrimSuffix(out, []byte{0})), "\x00")
	made := &outcome{tree: fields[0]}
	byPath := map[string]*Conflict{}
	at := 1
	for ; at < len(fields) && fields[at] != ""; at++ {
		info, path, ok := strings.Cut(fields[at], "\t")
		words := strings.Fields(info)
		if !ok || len(words) != 3 {
			return nil, fmt.Errorf("git merge-tree said of a conflict: %q", fields[at])
		}
		c := byPath[path]
		if c == nil {
			c = &Conflict{Path: path}
			byPath[path] = c
		}
		side := &Side{Mode: words[0], Revision: words[1]}
		switch words[2] {
		case "1":
			c.Base = side
		case "2":
			c.Ours = side
		default:
			c.Theirs = side
		}
	}
	for at++; at < len(fields); {
		n, err := strconv.Atoi(fields[at])
		if err != nil || at+n+2 >= len(fields) {
			return nil, fmt.Errorf("git merge-tree said in place of a message: %q", fields[at])
		}
		kind, text := fields[at+n+1], strings.TrimSuffix(fields[at+n+2], "\n")
		for _, path := range fields[at+1 : at+1+n] {
			if c := byPath[path]; c != nil {
				c.note(kind, text)
			}
		}
		at += n + 3
	}
	for _, c := range byPath {
		if c.Kind == "" {
			c.Kind, c.Message = enum.ConflictOther, "git could not merge it"
		}
		made.conflicts = append(made.conflicts, *c)
	}
	slices.SortFunc(made.conflicts, func(a, b Conflict) int { return cmp.Compare(a.Path, b.Path) })
	return made, nil
}

// note takes a message in, of which the one that says most counts.
func (c *Conflict) note(kind, text string) {
	is := enum.ConflictOther
	switch {
	case !strings.HasPrefix(kind, "CONFLICT"):
		return
	case strings.Contains(kind, "rename"), strings.Contains(kind, "location"):
		is = enum.ConflictRename
	case strings.Contains(kind, "modify/delete"):
		is = enum.ConflictModifyDelete
	case strings.Contains(kind, "file/directory"):
		is = enum.ConflictFileFolder
	case strings.Contains(kind, "binary"):
		is = enum.ConflictBinary
	case strings.Contains(kind, "modes"), strings.Contains(kind, "types"):
		is = enum.ConflictMode
	case strings.Contains(kind, "contents") && c.Base == nil:
		is = enum.ConflictAddAdd
	case strings.Contains(kind, "contents"):
		is = enum.ConflictContent
	}
	if c.Kind == "" || slices.Index(telling, is) < slices.Index(telling, c.Kind) {
		c.Kind, c.Message = is, text
	}
}

// telling is the kinds in the order of how much they say.
var telling = []enum.ConflictKind{
	enum.ConflictRename, enum.ConflictModifyDelete, enum.ConflictFileFolder, enum.ConflictMode,
	enum.ConflictBinary, enum.ConflictAddAdd, enum.ConflictContent, enum.ConflictOther,
}
