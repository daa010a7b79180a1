package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// maxApart is how many commits are looked at to find where two histories part.
const maxApart = 20_000

// Merging is a merge of one branch, whose side is theirs, into another, whose side is
// ours, while it is prepared: from what both are at, in memory, without a lock. Land
// writes it if the target is still there. It is for one goroutine.
type Merging struct {
	w            *Workspace
	objs         *objects
	target       Branch
	ours, theirs head
	base         plumbing.Hash
}

// Merging begins to prepare a merge. Unknown branches are NOT_FOUND with the field
// "source" or "target".
func (w *Workspace) Merging(ctx context.Context, projectID, source, target string) (*Merging, error) {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return nil, err
	}
	m := &Merging{w: w, objs: newObjects(ctx, w.db.Ent, w.packs, projectID), target: Branch{projectID, target}}
	var err error
	if m.theirs, err = readHead(ctx, w.db.Ent, projectID, source, false); err != nil {
		return nil, err
	}
	if m.theirs.hash.IsZero() {
		return nil, problem.Missing("source", "branch")
	}
	if m.ours, err = readHead(ctx, w.db.Ent, projectID, m.target.name(), false); err != nil {
		return nil, err
	}
	if m.ours.hash.IsZero() && m.target.name() != MainBranch {
		return nil, problem.Missing("target", "branch")
	}
	found, whole, err := walk(m.objs, m.ours.hash, m.theirs.hash, maxApart)
	if err == nil && !whole {
		err = problem.New(problem.PreconditionFailed, "the branches part more than %d commits ago, which is too far", maxApart)
	}
	m.base = found.base
	return m, err
}

// Commits are the hashes of the common ancestor and of both sides; "" for none.
func (m *Merging) Commits() (base, ours, theirs string) {
	return hashOrEmpty(m.base), hashOrEmpty(m.ours.hash), hashOrEmpty(m.theirs.hash)
}

func hashOrEmpty(h plumbing.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// Nothing says that the target has all of the source.
func (m *Merging) Nothing() bool { return m.base == m.theirs.hash }

// OneSided says that the source has all of the target, so that its files are the
// outcome and nothing needs to be compared.
func (m *Merging) OneSided() bool { return m.base == m.ours.hash }

// Add adds an object that the merge has made.
func (m *Merging) Add(kind plumbing.ObjectType, content []byte) (hash string, err error) {
	obj := &plumbing.MemoryObject{}
	obj.SetType(kind)
	if _, err := obj.Write(content); err != nil {
		return "", err
	}
	h, err := m.objs.SetEncodedObject(obj)
	return h.String(), err
}

// Content is the bytes of a file's revision.
func (m *Merging) Content(revision string) ([]byte, error) {
	return m.objs.content(plumbing.BlobObject, plumbing.NewHash(revision))
}

// Merged is a merge that is ready to be written.
type Merged struct {
	p *prepared
	w *Workspace
	// Commit is what the target will be at; Land changes it where others were faster.
	Commit string
	// follow is nil where only the state that it was prepared on will do.
	follow func(ctx context.Context, tx *store.Tx, now head) (*prepared, error)
}

// Finish makes the commit whose files are tree, the root folder that the merge came to;
// "" where it is one-sided. Of a source whose own line the target stands in there is no
// new commit: the target goes on to where it is.
func (m *Merging) Finish(tree string, author Author, message string) (*Merged, error) {
	if err := check(message, nil); err != nil {
		return nil, err
	}
	p := &prepared{on: m.target, from: m.ours, to: m.theirs, objs: m.objs}
	before, err := m.root(m.ours.hash)
	if err != nil {
		return nil, err
	}
	after, err := m.root(m.theirs.hash)
	if err != nil {
		return nil, err
	}
	if tree != "" {
		after = plumbing.NewHash(tree)
	}
	found, err := compareTrees(m.objs, before, after)
	if err != nil {
		return nil, err
	}
	straight, err := m.straight()
	if err != nil {
		return nil, err
	}
	if tree != "" || !straight {
		if p.to, err = p.after(found); err != nil {
			return nil, err
		}
		if p.to.hash, err = p.writeOn(m.w.now(), after, author, message, m.ours.hash, m.theirs.hash); err != nil {
			return nil, err
		}
	}
	ready, err := m.w.ready(p, found, author)
	if err != nil {
		return nil, err
	}
	by := stream.Actor{UserID: author.UserID, AgentID: author.AgentID}
	change := enum.FileModified
	if p.from.hash.IsZero() {
		change = enum.FileCreated
	}
	p.events = append(p.events, branchChanged(p.on, change, p.to.hash, by, author.RunID))
	ready.follow = func(ctx context.Context, tx *store.Tx, now head) (*prepared, error) {
		return m.follow(ctx, tx, now, found, author, message)
	}
	return ready, nil
}

// follow makes a merge that was prepared on what the target was into one on what it is
// now, where nobody has touched meanwhile what the merge changes: as if the merge had been
// first, and they after it.
func (m *Merging) follow(ctx context.Context, tx *store.Tx, now head, found []difference, author Author, message string) (*prepared, error) {
	objs := newObjects(ctx, tx.Ent, m.w.packs, m.target.ProjectID)
	for hash, obj := range m.objs.added {
		objs.added[hash], objs.loaded[hash] = obj, obj
	}
	var roots [2]plumbing.Hash
	for i, commit := range []plumbing.Hash{m.ours.hash, now.hash} {
		if commit.IsZero() {
			continue
		}
		var err error
		if roots[i], err = rootOf(objs, commit); err != nil {
			return nil, err
		}
	}
	others, err := compareTrees(objs, roots[0], roots[1])
	if err != nil {
		return nil, err
	}
	touched := map[string]bool{}
	for _, d := range others {
		touched[d.path] = true
	}
	for _, d := range found {
		if touched[d.path] {
			return nil, errMoved
		}
	}
	p := &prepared{on: m.target, from: now, to: now, objs: objs}
	tree, err := p.apply(roots[1], found)
	if problem.Is(err, problem.Conflict) { // a file where the merge needs a folder
		return nil, errMoved
	}
	if err != nil {
		return nil, err
	}
	if p.to, err = p.after(found); err != nil {
		return nil, err
	}
	if p.to.hash, err = p.writeOn(m.w.now(), tree, author, message, now.hash, m.theirs.hash); err != nil {
		return nil, err
	}
	if _, err := m.w.ready(p, found, author); err != nil {
		return nil, err
	}
	by := stream.Actor{UserID: author.UserID, AgentID: author.AgentID}
	p.events = append(p.events, branchChanged(p.on, enum.FileModified, p.to.hash, by, author.RunID))
	return p, nil
}

// ready checks what a prepared commit that changes a whole tree takes, and says what it
// does.
func (w *Workspace) ready(p *prepared, found []difference, author Author) (*Merged, error) {
	if err := w.quota.check(p.from, p.to); err != nil {
		return nil, err
	}
	for _, d := range found {
		p.events = append(p.events, edit{Change: Change{Path: d.path}, before: d.before, after: d.after}.event(p.on.name(), author))
	}
	return &Merged{p: p, w: w, Commit: p.to.hash.String()}, p.objs.pack()
}

func (m *Merging) root(commit plumbing.Hash) (plumbing.Hash, error) {
	if commit.IsZero() {
		return plumbing.ZeroHash, nil
	}
	return rootOf(m.objs, commit)
}

// straight says whether the target's tip is on the source's own line, that of first
// parents: so the history of the target stays readable along it.
func (m *Merging) straight() (bool, error) {
	if !m.OneSided() {
		return false, nil
	}
	for at := m.theirs.hash; at != m.ours.hash; {
		c, err := object.GetCommit(m.objs, at)
		if err != nil {
			return false, fmt.Errorf("read commit %s: %w", at, err)
		}
		if at = firstParent(c); at.IsZero() {
			return m.ours.hash.IsZero(), nil
		}
	}
	return true, nil
}

// after measures the files that the differences lead to.
func (p *prepared) after(found []difference) (head, error) {
	n, err := p.from.count(p.objs)
	if err != nil {
		return head{}, err
	}
	to := head{size: p.from.size, files: int(n)}
	var known []plumbing.Hash
	for _, d := range found {
		for _, e := range []object.TreeEntry{d.before, d.after} {
			if !e.Hash.IsZero() && p.objs.added[e.Hash] == nil {
				known = append(known, e.Hash)
			}
		}
	}
	sizes, err := p.objs.sizes(plumbing.BlobObject, known)
	if err != nil {
		return head{}, err
	}
	size := func(e object.TreeEntry) (int64, error) {
		if obj := p.objs.added[e.Hash]; obj != nil {
			if obj.Size() > MaxFile {
				return 0, problem.New(problem.PreconditionFailed, "a merged file would have %d bytes, and may have %d", obj.Size(), MaxFile)
			}
			return obj.Size(), nil
		}
		n, ok := sizes[e.Hash]
		if !ok {
			return 0, p.objs.lost(e.Hash)
		}
		return n, nil
	}
	for _, d := range found {
		for sign, e := range map[int64]object.TreeEntry{-1: d.before, 1: d.after} {
			if e.Hash.IsZero() {
				continue
			}
			n, err := size(e)
			if err != nil {
				return head{}, err
			}
			to.size, to.files = to.size+sign*n, to.files+int(sign)
		}
	}
	return to, nil
}

// Land writes the merge as a part of tx. Moved(err) says that somebody else has written
// to what it changes since it was prepared.
func (m *Merged) Land(ctx context.Context, tx *store.Tx) error {
	if err := access.RequireRole(ctx, tx.Ent, m.p.on.ProjectID, enum.ProjectEditor); err != nil {
		return err
	}
	if m.follow == nil {
		return m.w.land(ctx, tx, m.p)
	}
	now, err := readHead(ctx, tx.Ent, m.p.on.ProjectID, m.p.on.name(), canLock(tx))
	if err != nil {
		return err
	}
	p := m.p
	if now.hash != p.from.hash {
		if p, err = m.follow(ctx, tx, now); err != nil {
			return err
		}
		m.Commit = p.to.hash.String()
	}
	return m.w.land(ctx, tx, p)
}

// Moved says that a branch was moved by somebody else in the meantime, so that what was
// prepared has to be prepared again.
func Moved(err error) bool { return errors.Is(err, errMoved) }

// dropUnread takes what isn't part of the outcome out of what will be written.
func (m *Merging) dropUnread(keep map[plumbing.Hash]bool) {
	for hash := range m.objs.added {
		if !keep[hash] {
			delete(m.objs.added, hash)
		}
	}
}

// Prune leaves of what was added only what the folder tree leads to.
func (m *Merging) Prune(tree string) error {
	keep := map[plumbing.Hash]bool{}
	for level := []plumbing.Hash{plumbing.NewHash(tree)}; len(level) > 0; {
		var next []plumbing.Hash
		for _, hash := range level {
			obj := m.objs.added[hash]
			if obj == nil || keep[hash] {
				continue
			}
			keep[hash] = true
			if obj.Type() != plumbing.TreeObject {
				continue
			}
			folder, err := object.DecodeTree(m.objs, obj)
			if err != nil {
				return fmt.Errorf("read folder %s: %w", hash, err)
			}
			for _, e := range folder.Entries {
				next = append(next, e.Hash)
			}
		}
		level = slices.Compact(next)
	}
	m.dropUnread(keep)
	return nil
}
