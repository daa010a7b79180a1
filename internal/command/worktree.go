package command

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/zeblit/zeblit/ent"
	entworktree "github.com/zeblit/zeblit/ent/worktree"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// worktree is a branch's folder in the sandbox, as this host knows it.
type worktree struct {
	branch, root string

	// mu is held from when its files are read until what was found is recorded.
	mu sync.Mutex
	// tip is the commit and files are all its files that the folder had last, tracked and
	// not, by path. files is nil when that isn't known.
	tip     string
	tracked map[string]workspace.Entry
	files   map[string]workspace.Entry
	// beside is the tree of untracked files that the folder has got.
	beside string
	// sizes are the bytes of all files when they were last listed.
	sizes map[string]int64
	// unkept are files that could not be recorded: nothing overwrites them as they are.
	unkept map[string]workspace.Entry
}

// rootOf is a branch's folder below sandbox.Work. Names of branches may have slashes.
func rootOf(branch string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(branch)
}

func (b *box) worktree(branch string) *worktree {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.worktrees[branch]
	if w == nil {
		w = &worktree{branch: branch, root: rootOf(branch)}
		b.worktrees[branch] = w
	}
	return w
}

// bring makes the folder equal to the branch's tip and its untracked files. What
// processes have written since it was last looked at is committed before.
func (b *box) bring(ctx context.Context, w *worktree, t *task) error {
	if err := b.recall(ctx, w, t); err != nil {
		return err
	}
	actual, err := b.scan(ctx, w)
	if err != nil {
		return err
	}
	if w.files != nil && !same(w.files, actual) {
		if err := b.save(ctx, w, t); err != nil {
			return err
		}
		// What other commands have written since then is not touched, nor known yet.
		actual = w.files
	}
	tip, beside, tracked, wanted, err := b.wanted(ctx, w.branch, t)
	if err != nil {
		return err
	}
	if err := b.alter(ctx, w, t, actual, wanted); err != nil {
		return err
	}
	w.tip, w.beside, w.tracked, w.files = tip, beside, tracked, without(wanted)
	return b.remember(ctx, w)
}

// recall knows what the folder had last of a sandbox that was there before this host had
// it: stopped and woken, or taken over.
func (b *box) recall(ctx context.Context, w *worktree, t *task) error {
	if w.files != nil {
		return nil
	}
	row, err := b.host.db.Ent.Worktree.Query().Where(entworktree.ProjectID(b.project), entworktree.Branch(w.branch)).Only(ctx)
	if ent.IsNotFound(err) || err == nil && row.Generation != b.generation {
		return nil
	}
	if err != nil {
		return err
	}
	if row.Held != nil && *row.Held != row.Untracked {
		return nil // it has what somebody has replaced
	}
	var tracked []workspace.Entry
	if row.Tip != "" { // else the project was empty, and what is there now was written since
		if _, tracked, err = b.host.files.Checkout(t.as(ctx), b.project, row.Tip); err != nil {
			return err
		}
	}
	untracked, err := b.host.files.KeptTree(t.as(ctx), b.project, row.Untracked)
	if err != nil {
		return err
	}
	w.tip, w.beside, w.tracked = row.Tip, row.Untracked, byPath(tracked)
	w.files = without(union(w.tracked, untracked))
	return nil
}

// wanted is what the folder is to have, below skipped folders too.
func (b *box) wanted(ctx context.Context, branch string, t *task) (tip, beside string, tracked, all map[string]workspace.Entry, err error) {
	tip, entries, err := b.host.files.Checkout(t.as(ctx), b.project, branch)
	if err != nil {
		return "", "", nil, nil, err
	}
	var untracked []workspace.Entry
	row, err := b.host.db.Ent.Worktree.Query().Where(entworktree.ProjectID(b.project), entworktree.Branch(branch)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return "", "", nil, nil, err
	}
	if row != nil {
		beside = row.Untracked
		if untracked, err = b.host.files.KeptTree(t.as(ctx), b.project, beside); err != nil {
			return "", "", nil, nil, err
		}
	}
	tracked = byPath(entries)
	return tip, beside, tracked, union(tracked, untracked), nil
}

// remember keeps what the folder has.
func (b *box) remember(ctx context.Context, w *worktree) error {
	err := b.host.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.Ent.Worktree.Create().SetProjectID(b.project).SetBranch(w.branch).SetTip(w.tip).SetHeld(w.beside).SetGeneration(b.generation).
			OnConflictColumns(entworktree.FieldProjectID, entworktree.FieldBranch).
			Update(func(u *ent.WorktreeUpsert) { u.UpdateTip().UpdateHeld().UpdateGeneration() }).Exec(ctx)
	})
	if err != nil {
		return fmt.Errorf("note the state of worktree %s of project %s: %w", w.branch, b.project, err)
	}
	return nil
}

// scan is the folder's files as they are.
func (b *box) scan(ctx context.Context, w *worktree) (map[string]workspace.Entry, error) {
	open, err := b.sandbox()
	if err != nil {
		return nil, err
	}
	found, err := open.Scan(ctx, w.root, sandbox.ScanOptions{Skip: skipped, MaxFileSize: workspace.MaxFile})
	if errors.Is(err, sandbox.ErrNoFolder) || errors.Is(err, sandbox.ErrNoFile) {
		return map[string]workspace.Entry{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at worktree %s: %w", w.branch, err)
	}
	out := make(map[string]workspace.Entry, len(found))
	w.sizes = make(map[string]int64, len(found))
	for _, e := range found {
		w.sizes[e.Path] = e.Size
		out[e.Path] = workspace.Entry{Path: e.Path, Mode: modeOf(e.Mode), Revision: e.Hash}
	}
	return out, nil
}

// alter makes the folder have what is wanted, and touches nothing that is right.
func (b *box) alter(ctx context.Context, w *worktree, t *task, actual, wanted map[string]workspace.Entry) error {
	var remove []string
	for p, e := range actual {
		if _, ok := wanted[p]; !ok && unfit(e) == "" && w.unkept[p] != e {
			remove = append(remove, p)
		}
	}
	var put []workspace.Entry
	for p, e := range wanted {
		if isSkipped(p) && w.files != nil && w.tracked[p] == e {
			continue
		}
		if was, there := actual[p]; was != e && (!there || w.unkept[p] != was) {
			put = append(put, e)
		}
	}
	slices.Sort(remove)
	open, err := b.sandbox()
	if err != nil {
		return err
	}
	if len(remove) > 0 {
		if err := open.Remove(ctx, w.root, remove); err != nil {
			return fmt.Errorf("take files out of worktree %s: %w", w.branch, err)
		}
	}
	if len(put) == 0 && len(actual) > 0 {
		return nil
	}
	r, out := io.Pipe()
	packed := make(chan error, 1) // the packer's one result
	go func() {
		err := b.pack(t.as(ctx), out, put)
		packed <- err
		out.CloseWithError(err)
	}()
	err = open.Put(ctx, w.root, r)
	r.CloseWithError(errors.New("unpacking has ended"))
	if perr := <-packed; err == nil {
		err = perr
	}
	if err != nil {
		return fmt.Errorf("put files into worktree %s: %w", w.branch, err)
	}
	return nil
}

// pack writes files as a tar.
func (b *box) pack(ctx context.Context, to io.Writer, files []workspace.Entry) error {
	places := map[string][]workspace.Entry{}
	var revisions []string
	for _, e := range files {
		if places[e.Revision] == nil {
			revisions = append(revisions, e.Revision)
		}
		places[e.Revision] = append(places[e.Revision], e)
	}
	archive := tar.NewWriter(to)
	err := b.host.files.Contents(ctx, b.project, revisions, func(revision string, content []byte) error {
		for _, e := range places[revision] {
			header := &tar.Header{Name: e.Path, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}
			switch e.Mode {
			case workspace.Executable:
				header.Mode = 0o755
			case workspace.Symlink:
				header.Typeflag, header.Linkname, header.Size = tar.TypeSymlink, string(content), 0
			}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if header.Size == 0 {
				continue
			}
			if _, err := archive.Write(content); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, archive.Close())
}

func modeOf(m sandbox.Mode) workspace.Mode {
	switch m {
	case sandbox.Executable:
		return workspace.Executable
	case sandbox.Symlink:
		return workspace.Symlink
	}
	return workspace.Regular
}

func byPath(entries []workspace.Entry) map[string]workspace.Entry {
	out := make(map[string]workspace.Entry, len(entries))
	for _, e := range entries {
		out[e.Path] = e
	}
	return out
}

// union is the tracked files and those of the others that stand in nobody's way.
func union(tracked map[string]workspace.Entry, others []workspace.Entry) map[string]workspace.Entry {
	out := make(map[string]workspace.Entry, len(tracked)+len(others))
	folders := map[string]bool{}
	for p, e := range tracked {
		out[p] = e
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for _, e := range others {
		if _, taken := out[e.Path]; taken || folders[e.Path] || belowFile(tracked, e.Path) {
			continue
		}
		out[e.Path] = e
	}
	return out
}

func belowFile(files map[string]workspace.Entry, p string) bool {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if _, ok := files[dir]; ok {
			return true
		}
	}
	return false
}

// without leaves out what no scan lists.
func without(files map[string]workspace.Entry) map[string]workspace.Entry {
	out := make(map[string]workspace.Entry, len(files))
	for p, e := range files {
		if !isSkipped(p) {
			out[p] = e
		}
	}
	return out
}

func same(a, b map[string]workspace.Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for p, e := range a {
		if b[p] != e {
			return false
		}
	}
	return true
}
