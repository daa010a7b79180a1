package workspace

import (
	"context"
	"fmt"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpack"
	"github.com/zeblit/zeblit/ent/gitstorage"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// Quota is how much each project may keep. What is over it already may still
// shrink.
type Quota struct {
	// Bytes and Files are those of the files at a branch's tip.
	Bytes, Files int64
	// History is the bytes of all objects, of every branch and every commit, as they
	// are stored: compressed, and packed where that is done.
	History int64
}

// DefaultQuota is what holds unless something else is configured.
func DefaultQuota() Quota { return Quota{Bytes: MaxProject, Files: 10_000, History: 1 << 30} }

// Option changes a Workspace from what New makes otherwise.
type Option func(*Workspace)

// WithQuota sets the quota. What is zero in it stays as it is by default.
func WithQuota(q Quota) Option {
	return func(w *Workspace) {
		w.quota.Bytes = orElse(q.Bytes, w.quota.Bytes)
		w.quota.Files = orElse(q.Files, w.quota.Files)
		w.quota.History = orElse(q.History, w.quota.History)
	}
}

// Quota is what holds for each project.
func (w *Workspace) Quota() Quota { return w.quota }

func orElse(n, otherwise int64) int64 {
	if n == 0 {
		return otherwise
	}
	return n
}

// Storage is what a project has of its quota.
type Storage struct {
	Bytes, Files, History int64
	Quota                 Quota
}

// Storage tells what the files of main and the repository take. It is for members.
func (w *Workspace) Storage(ctx context.Context, projectID string) (*Storage, error) {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return nil, err
	}
	at, err := readHead(ctx, w.db.Ent, projectID, MainBranch, false)
	if err != nil {
		return nil, err
	}
	out := &Storage{Bytes: at.size, Quota: w.quota}
	if out.Files, err = at.count(newObjects(ctx, w.db.Ent, w.packs, projectID)); err != nil {
		return nil, err
	}
	out.History, _, err = storedBytes(ctx, w.db.Ent, projectID)
	return out, err
}

// count is how many files are at the tip.
func (h head) count(objs *objects) (int64, error) {
	if h.hash.IsZero() || h.files >= 0 {
		return int64(max(h.files, 0)), nil
	}
	root, err := rootOf(objs, h.hash)
	if err != nil {
		return 0, err
	}
	leaves, err := list(objs, root, "", "")
	return int64(len(leaves)), err
}

// check says what a project would have too much of, going from one head to the next.
func (q Quota) check(from, to head) error {
	if to.size > q.Bytes && to.size > from.size {
		return problem.New(problem.PreconditionFailed,
			"the project's files would take %d bytes and may take %d: they take %d now. Delete files, or make them smaller", to.size, q.Bytes, from.size)
	}
	if int64(to.files) > q.Files && to.files > from.files {
		return problem.New(problem.PreconditionFailed,
			"the project would have %d files and may have %d: it has %d now. Delete files, or put them into an archive", to.files, q.Files, from.files)
	}
	return nil
}

// checkHistory says that the repository is full. Commits that bring no new content
// still land, so that something can be deleted.
func (q Quota) checkHistory(stored int64, content bool) error {
	if content && stored > q.History {
		return problem.New(problem.PreconditionFailed,
			"the project's history would take %d bytes and may take %d. Delete branches that aren't needed: what only they hold is given back after a day", stored, q.History)
	}
	return nil
}

// charge counts objects that were written in the same transaction and returns what
// all of them take now.
func charge(ctx context.Context, c *ent.Client, projectID string, bytes int64, loose int) (int64, error) {
	changed, err := c.GitStorage.Update().Where(gitstorage.ProjectID(projectID)).AddBytes(bytes).AddLoose(loose).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("count what is stored: %w", err)
	}
	if changed == 0 { // the first time: what was just written is among what is counted
		all, objects, err := countStored(ctx, c, projectID)
		if err != nil {
			return 0, err
		}
		err = c.GitStorage.Create().SetProjectID(projectID).SetBytes(all).SetLoose(objects).
			OnConflictColumns(gitstorage.FieldProjectID).
			Update(func(u *ent.GitStorageUpsert) { u.AddBytes(bytes).AddLoose(loose) }).Exec(ctx)
		if err != nil {
			return 0, fmt.Errorf("count what is stored: %w", err)
		}
	}
	stored, _, err := storedBytes(ctx, c, projectID)
	return stored, err
}

// storedBytes is what was counted, and how many loose objects there are.
func storedBytes(ctx context.Context, c *ent.Client, projectID string) (bytes int64, loose int, err error) {
	row, err := c.GitStorage.Query().Where(gitstorage.ProjectID(projectID)).Only(ctx)
	if ent.IsNotFound(err) {
		return countStored(ctx, c, projectID)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read what is stored: %w", err)
	}
	return row.Bytes, row.Loose, nil
}

// countStored looks at every row, without its content.
func countStored(ctx context.Context, c *ent.Client, projectID string) (bytes int64, loose int, err error) {
	var objects, packs []struct {
		N     int   `json:"n"`
		Bytes int64 `json:"bytes"`
	}
	err = c.GitObject.Query().Where(gitobject.ProjectID(projectID)).
		Aggregate(ent.As(ent.Count(), "n"), ent.As(total("length("+gitobject.FieldData+")"), "bytes")).Scan(ctx, &objects)
	if err != nil {
		return 0, 0, fmt.Errorf("count git objects: %w", err)
	}
	err = c.GitPack.Query().Where(gitpack.ProjectID(projectID)).
		Aggregate(ent.As(ent.Count(), "n"), ent.As(total(gitpack.FieldStored), "bytes")).Scan(ctx, &packs)
	if err != nil {
		return 0, 0, fmt.Errorf("count packs: %w", err)
	}
	return objects[0].Bytes + packs[0].Bytes, objects[0].N, nil
}

func total(what string) ent.AggregateFunc {
	return func(*entsql.Selector) string { return "COALESCE(SUM(" + what + "), 0)" }
}

// countAfter is how many files there are with the edits made.
func (p *prepared) countAfter(edits []edit) (int, error) {
	n, err := p.from.count(p.objs)
	if err != nil {
		return 0, err
	}
	for _, e := range edits {
		if e.before.Hash == plumbing.ZeroHash {
			n++
		}
		if e.after.Hash == plumbing.ZeroHash {
			n--
		}
	}
	return int(n), nil
}
