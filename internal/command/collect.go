package command

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	// collectTries is how often files are read anew that processes change meanwhile; those
	// that change even then are left for the next time.
	collectTries = 6
	// maxBeside is how many bytes of ignored files are kept beside a branch.
	maxBeside = 64 << 20
)

// change is what was found in a worktree that isn't recorded yet.
type change struct {
	w     *worktree
	edits []workspace.Change
	// untracked are all ignored files; nil when they are as they were.
	untracked []workspace.Content
	again     bool // untracked is to be written
	files     map[string]workspace.Entry
	notes     []string
}

// collect reads what changed in the worktree of a task's command. The worktree stays
// locked until the change is released.
func (b *box) collect(ctx context.Context, t *task) (*change, error) {
	w := b.worktree(t.c.Branch)
	w.mu.Lock()
	if w.files == nil { // it could not be looked at before either
		w.mu.Unlock()
		return nil, nil
	}
	c, err := b.look(ctx, w)
	if err != nil || c == nil {
		w.mu.Unlock()
	}
	return c, err
}

func (c *change) release() { c.w.mu.Unlock() }

// look compares the folder with what it had last; nil when nothing changed.
func (b *box) look(ctx context.Context, w *worktree) (*change, error) {
	for try := 1; ; try++ {
		c, err := b.lookOnce(ctx, w, try == collectTries)
		if !errors.Is(err, sandbox.ErrChanged) && !errors.Is(err, sandbox.ErrNoFile) || try == collectTries {
			return c, err
		}
	}
}

func (b *box) lookOnce(ctx context.Context, w *worktree, last bool) (*change, error) {
	actual, err := b.scan(ctx, w)
	if err != nil || same(w.files, actual) {
		return nil, err
	}
	c := &change{w: w}
	for p, e := range actual {
		if reason := unfit(e); reason != "" {
			c.notes = append(c.notes, fmt.Sprintf("%q is not kept: %s.", p, reason))
			delete(actual, p)
		}
	}
	ignored, err := b.ignores(ctx, c, actual)
	if err != nil {
		return nil, err
	}
	read := c.choose(actual, ignored, room{b.host.o.Beside, b.host.files.Quota().Bytes})
	contents, moving, err := b.read(ctx, w, read, actual)
	if err != nil {
		return nil, err
	}
	if len(moving) > 0 && !last {
		return nil, sandbox.ErrChanged
	}
	for _, p := range moving {
		delete(contents, p)
		c.leave(actual, p)
		c.notes = append(c.notes, fmt.Sprintf("%q is being written and is looked at again later.", p))
	}
	c.sort(actual, contents, ignored)
	slices.Sort(c.notes)
	if len(c.notes) > 5 {
		c.notes = append(c.notes[:5], fmt.Sprintf("%d more are not kept.", len(c.notes)-5))
	}
	return c, nil
}

// sort divides what changed into what is committed and what is kept beside it.
func (c *change) sort(actual map[string]workspace.Entry, contents map[string]string, ignored ignores) {
	w := c.w
	c.files = actual
	for _, p := range slices.Sorted(maps.Keys(actual)) {
		e, was := actual[p], w.files[p]
		_, tracked := w.tracked[p]
		text, read := contents[p]
		if !tracked && ignored.match(p) {
			content := workspace.Content{Entry: e}
			if read {
				content.Text = &text
			}
			c.again = c.again || was != e
			c.untracked = append(c.untracked, content)
			continue
		}
		if was == e && tracked {
			continue
		}
		edit := workspace.Change{Path: p, Mode: e.Mode, Base: base(w.tracked, p)}
		if read {
			edit.Content = &text
		} else {
			edit.Revision = e.Revision
		}
		c.edits = append(c.edits, edit)
	}
	for _, p := range slices.Sorted(maps.Keys(w.files)) {
		if _, there := actual[p]; there {
			continue
		}
		if _, tracked := w.tracked[p]; tracked {
			c.edits = append(c.edits, workspace.Change{Path: p, Base: base(w.tracked, p)})
		} else {
			c.again = true
		}
	}
}

func base(tracked map[string]workspace.Entry, p string) *string {
	revision := tracked[p].Revision
	return &revision
}

// unfit says why a file can't be in a project.
func unfit(e workspace.Entry) string {
	if e.Revision == "" {
		return fmt.Sprintf("a file can have %d bytes at most", workspace.MaxFile)
	}
	if p := problem.As(workspace.CheckPath(e.Path)); p != nil {
		return p.Message
	}
	return ""
}

// read gets the contents of files, and tells which are no longer those that were listed.
func (b *box) read(ctx context.Context, w *worktree, paths []string, listed map[string]workspace.Entry) (contents map[string]string, moving []string, err error) {
	contents = make(map[string]string, len(paths))
	if len(paths) == 0 {
		return contents, nil, nil
	}
	slices.Sort(paths)
	open, err := b.sandbox()
	if err != nil {
		return nil, nil, err
	}
	stream, err := open.Get(ctx, w.root, paths)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read files of worktree %s: %w", w.branch, err)
		}
		name := strings.TrimPrefix(path.Clean(header.Name), "./")
		switch header.Typeflag {
		case tar.TypeSymlink:
			contents[name] = header.Linkname
		case tar.TypeReg:
			if header.Size != w.sizes[name] {
				continue // it is another file by now, of whatever size
			}
			data, err := io.ReadAll(archive)
			if err != nil {
				return nil, nil, fmt.Errorf("read files of worktree %s: %w", w.branch, err)
			}
			contents[name] = string(data)
		}
	}
	for _, p := range paths {
		text, ok := contents[p]
		if !ok || workspace.RevisionOf(text) != listed[p].Revision {
			moving = append(moving, p)
		}
	}
	return contents, moving, nil
}

// kept is what became of a change.
type kept struct {
	commit string
	files  int
	notes  []string
	taken  []workspace.Change
	// alone: the folder is equal to the commit.
	alone bool
	// besideFull: ignored files that changed could not be recorded.
	besideFull bool
}

// keep records a change as a part of tx. A file that somebody else has changed meanwhile
// stays as they have it; what the command made of it goes to a branch of its own.
func (h *Host) keep(ctx context.Context, tx *store.Tx, t *task, c *change) (kept, error) {
	k := kept{notes: slices.Clone(c.notes)}
	person, on := t.as(ctx), workspace.Branch{ProjectID: t.c.ProjectID, Name: c.w.branch}
	row, err := rowOf(ctx, tx, on.ProjectID, on.Name)
	if err != nil {
		return k, err
	}
	message := "Run " + clip(Line(t.c), 60)
	var edits []workspace.Change
	if len(c.edits) > 0 {
		tip, taken, free, err := h.divide(person, tx, on, c)
		if err != nil {
			return k, err
		}
		edits = free
		if len(taken) > 0 {
			beside := workspace.Branch{ProjectID: on.ProjectID, Name: workspace.CommandBranch(t.c.ID)}
			err := tx.Try(ctx, func() error { return h.aside(person, tx, t, c, beside, message, taken) })
			if p := problem.As(err); p != nil && p.Code != problem.Conflict {
				k.notes = append(k.notes, fmt.Sprintf("Others have changed files meanwhile that it changed too; its versions are not kept: %s. They are %s.", p.Message, names(taken)))
			} else if err != nil {
				return k, err
			} else {
				k.taken = taken
				k.notes = append(k.notes, fmt.Sprintf("Others have changed files meanwhile that it changed too; its versions are on the branch %s: %s.", beside.Name, names(taken)))
			}
		}
		if len(edits) > 0 {
			err = tx.Try(ctx, func() (err error) {
				k.commit, err = h.files.CommitTx(person, tx, on, t.author, message, edits...)
				return err
			})
			if p := problem.As(err); p != nil && p.Code != problem.Conflict {
				k.notes = append(k.notes, fmt.Sprintf("What it changed in the project's files is not kept: %s.", p.Message))
				k.commit, edits = "", nil
			} else if err != nil {
				return k, err
			}
			k.files = len(edits)
		}
		k.alone = k.commit != "" && tip == c.w.tip && len(edits) == len(c.edits)
	}
	faults.Point(faults.CommandSettling)
	if c.again {
		err := tx.Try(ctx, func() error { return h.keepUntracked(person, ctx, tx, row, on, c) })
		if p := problem.As(err); p != nil && p.Code != problem.Conflict {
			k.besideFull = true
			k.notes = append(k.notes, fmt.Sprintf("What it changed in ignored files is not kept: %s.", p.Message))
		} else if err != nil {
			return k, err
		}
	}
	if k.alone {
		if err := tx.Ent.Worktree.UpdateOne(row).SetTip(k.commit).Exec(ctx); err != nil {
			return k, err
		}
	}
	tx.AfterCommit(func() { c.settled(edits, k) })
	return k, nil
}

// settled says what the folder has, now that it is recorded.
func (c *change) settled(edits []workspace.Change, k kept) {
	w := c.w
	before := w.files
	w.files, w.unkept = c.files, map[string]workspace.Entry{}
	if k.besideFull {
		for _, f := range c.untracked {
			if before[f.Path] != f.Entry {
				w.unkept[f.Path] = f.Entry
			}
		}
	}
	for _, e := range c.edits {
		w.unkept[e.Path] = c.files[e.Path]
	}
	for _, e := range edits {
		delete(w.unkept, e.Path)
		if e.Deletes() {
			delete(w.tracked, e.Path)
		} else {
			w.tracked[e.Path] = c.files[e.Path]
		}
	}
	for _, e := range k.taken {
		delete(w.unkept, e.Path) // they are on a branch; the folder gets the others' version
	}
	if k.alone {
		w.tip = k.commit
	}
}

// divide finds the edits of files that are no longer what the command began with.
func (h *Host) divide(person context.Context, tx *store.Tx, on workspace.Branch, c *change) (tip string, taken, free []workspace.Change, err error) {
	tip, entries, err := h.files.CheckoutTx(person, tx, on)
	if err != nil {
		return "", nil, nil, err
	}
	now := byPath(entries)
	for _, e := range c.edits {
		switch {
		case now[e.Path].Revision == *e.Base:
			free = append(free, e)
		case !e.Deletes() && now[e.Path].Revision == c.files[e.Path].Revision, e.Deletes() && now[e.Path].Revision == "":
			// they have made the same of it
		default:
			taken = append(taken, e)
		}
	}
	return tip, taken, free, nil
}

// aside commits edits to a branch that begins where the command began.
func (h *Host) aside(person context.Context, tx *store.Tx, t *task, c *change, beside workspace.Branch, message string, edits []workspace.Change) error {
	if err := h.files.Fork(person, tx, beside, workspace.Branch{ProjectID: beside.ProjectID, Name: c.w.branch}, c.w.tip); err != nil {
		return err
	}
	_, err := h.files.CommitTx(person, tx, beside, t.author, message, edits...)
	return err
}

func names(edits []workspace.Change) string {
	var out []string
	for _, e := range edits[:min(len(edits), 10)] {
		out = append(out, e.Path)
	}
	if len(edits) > 10 {
		out = append(out, fmt.Sprintf("and %d more", len(edits)-10))
	}
	return strings.Join(out, ", ")
}

func clip(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
