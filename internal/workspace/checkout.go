package workspace

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Entry is a file of a tree, without its content.
type Entry struct {
	Path     string
	Mode     Mode
	Revision string
}

// Checkout lists all files at ref, by their paths, and names the commit: "" while
// nothing was committed. ref is as in Files.
func (w *Workspace) Checkout(ctx context.Context, projectID, ref string) (commit string, entries []Entry, err error) {
	return w.checkout(ctx, w.db.Ent, projectID, ref)
}

// CheckoutAtTx is Checkout as a part of tx, of a branch or commit that isn't held.
func (w *Workspace) CheckoutAtTx(ctx context.Context, tx *store.Tx, projectID, ref string) (commit string, entries []Entry, err error) {
	return w.checkout(ctx, tx.Ent, projectID, ref)
}

func (w *Workspace) checkout(ctx context.Context, c *ent.Client, projectID, ref string) (commit string, entries []Entry, err error) {
	objs, tip, err := w.resolveIn(ctx, c, projectID, ref)
	if err != nil || tip.IsZero() {
		return "", nil, err
	}
	root, err := rootOf(objs, tip)
	if err != nil {
		return "", nil, err
	}
	entries, err = entriesOf(objs, root)
	return tip.String(), entries, err
}

// CheckoutTx is Checkout of a branch's tip as a part of tx: nobody moves the branch until
// tx ends.
func (w *Workspace) CheckoutTx(ctx context.Context, tx *store.Tx, on Branch) (commit string, entries []Entry, err error) {
	if err := access.RequireRole(ctx, tx.Ent, on.ProjectID, enum.ProjectEditor); err != nil {
		return "", nil, err
	}
	tip, err := readHead(ctx, tx.Ent, on.ProjectID, on.name(), canLock(tx))
	if err != nil || tip.hash.IsZero() {
		return "", nil, err
	}
	objs := newObjects(ctx, tx.Ent, w.packs, on.ProjectID)
	c, err := object.GetCommit(objs, tip.hash)
	if err != nil {
		return "", nil, fmt.Errorf("read commit %s: %w", tip.hash, err)
	}
	entries, err = entriesOf(objs, c.TreeHash)
	return tip.hash.String(), entries, err
}

// RevisionOf names content.
func RevisionOf(content string) string {
	return plumbing.ComputeHash(plumbing.BlobObject, []byte(content)).String()
}

// KeptTree lists all files of a tree that KeepUntracked has made. "" is the empty one.
func (w *Workspace) KeptTree(ctx context.Context, projectID, tree string) ([]Entry, error) {
	return w.keptTree(ctx, w.db.Ent, projectID, tree)
}

// KeptTreeTx is KeptTree as a part of tx.
func (w *Workspace) KeptTreeTx(ctx context.Context, tx *store.Tx, projectID, tree string) ([]Entry, error) {
	return w.keptTree(ctx, tx.Ent, projectID, tree)
}

func (w *Workspace) keptTree(ctx context.Context, c *ent.Client, projectID, tree string) ([]Entry, error) {
	if tree == "" {
		return nil, nil
	}
	if _, err := access.StreamReader(ctx, c, projectID); err != nil {
		return nil, err
	}
	hash, ok := parseHash(tree)
	if !ok {
		return nil, problem.Missing("tree", "tree")
	}
	return entriesOf(newObjects(ctx, c, w.packs, projectID), hash)
}

func entriesOf(objs *objects, root plumbing.Hash) ([]Entry, error) {
	leaves, err := list(objs, root, "", "")
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(leaves))
	for i, l := range leaves {
		entries[i] = Entry{Path: l.path, Mode: modeOf(l.entry.Mode), Revision: l.entry.Hash.String()}
	}
	return entries, nil
}

// Contents calls fn with the content of each revision that the project has, in no order
// and each once; a few of them are in memory at once.
func (w *Workspace) Contents(ctx context.Context, projectID string, revisions []string, fn func(revision string, content []byte) error) error {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return err
	}
	hashes := make([]plumbing.Hash, 0, len(revisions))
	for _, r := range revisions {
		if hash, ok := parseHash(r); ok {
			hashes = append(hashes, hash)
		}
	}
	objs := newObjects(ctx, w.db.Ent, w.packs, projectID)
	for part := range slices.Chunk(hashes, contentBatch) {
		err := objs.each(part, func(found stored) error { return fn(found.hash.String(), found.content) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Content is a file to be kept in a tree. Without Text the project must have the revision.
type Content struct {
	Entry
	Text *string
}

// untrackedPrefix is of the hidden refs that keep a branch's untracked files.
const untrackedPrefix = "refs/untracked/"

// KeepUntracked keeps files beside a branch, in place of those it had: they are part of no
// commit of it. It returns the name of their tree, "" when there are none. The viewer
// needs the role EDITOR.
func (w *Workspace) KeepUntracked(ctx context.Context, tx *store.Tx, on Branch, files []Content) (string, error) {
	if err := access.RequireRole(ctx, tx.Ent, on.ProjectID, enum.ProjectEditor); err != nil {
		return "", err
	}
	ref := untrackedPrefix + on.name()
	if len(files) == 0 {
		return "", drop(ctx, tx, on.ProjectID, ref)
	}
	p := &prepared{on: on, objs: newObjects(ctx, tx.Ent, w.packs, on.ProjectID)}
	top := newFolder(plumbing.ZeroHash)
	for _, f := range files {
		if err := CheckPath(f.Path); err != nil {
			return "", err
		}
		blob, ok := parseHash(f.Revision)
		if f.Text != nil {
			var err error
			if blob, err = p.objs.addBlob(*f.Text); err != nil {
				return "", err
			}
		} else if !ok {
			return "", problem.Missing("revision", "revision")
		}
		if err := top.put(strings.Split(f.Path, "/"), f.Mode.git(), blob); err != nil {
			return "", err
		}
	}
	tree, err := top.write(p.objs)
	if err != nil {
		return "", err
	}
	commit, err := p.write(w.now(), tree, Author{}, "Files beside "+on.name())
	if err != nil {
		return "", err
	}
	if err := p.objs.pack(); err != nil {
		return "", err
	}
	// The ref comes first, so that nothing of it is dropped meanwhile.
	err = tx.Ent.GitRef.Create().SetProjectID(on.ProjectID).SetName(ref).SetHash(commit.String()).
		OnConflictColumns(gitref.FieldProjectID, gitref.FieldName).
		Update(func(u *ent.GitRefUpsert) { u.UpdateHash() }).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("keep the untracked files of %s: %w", on.name(), err)
	}
	stored, err := p.objs.save(ctx, tx.Ent)
	if err != nil {
		return "", err
	}
	return tree.String(), w.quota.checkHistory(stored, p.objs.hasContent())
}

// Fork makes a branch at a commit, as a part of tx: the fewer files differ from those of the
// branch near, the quicker. CONFLICT with the field "branch" where there is one of that name
// at another commit.
func (w *Workspace) Fork(ctx context.Context, tx *store.Tx, on, near Branch, commit string) error {
	if err := access.RequireRole(ctx, tx.Ent, on.ProjectID, enum.ProjectEditor); err != nil {
		return err
	}
	hash, ok := parseHash(commit)
	if !ok {
		return problem.Missing("commit", "commit")
	}
	from, err := readHead(ctx, tx.Ent, on.ProjectID, on.name(), canLock(tx))
	switch {
	case err != nil:
		return err
	case from.hash == hash:
		return nil
	case !from.hash.IsZero():
		return &problem.Error{Code: problem.Conflict, Field: "branch", Message: "there is such a branch already"}
	}
	objs := newObjects(ctx, tx.Ent, w.packs, on.ProjectID)
	if found, err := objs.exists(plumbing.CommitObject, hash); err != nil || !found {
		return errorOr(err, problem.Missing("commit", "commit"))
	}
	at, err := w.measure(ctx, tx.Ent, near, hash)
	if err != nil {
		return err
	}
	return asField(w.hold(ctx, tx, on, at), "commit")
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
