package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// BranchTip is a branch and the commit that it is at.
type BranchTip struct {
	Name, Hash string
}

// headsPrefix is before the names of branches; other refs are hidden.
const headsPrefix = "refs/heads/"

// Branches lists a project's branches in the byte order of their names: at most limit
// that come after the name after. hasMore says that others follow.
func (w *Workspace) Branches(ctx context.Context, projectID, after string, limit int) (branches []BranchTip, hasMore bool, err error) {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return nil, false, err
	}
	name := func(s *sql.Selector) string {
		if s.Dialect() == dialect.Postgres {
			return s.C(gitref.FieldName) + ` COLLATE "C"`
		}
		return s.C(gitref.FieldName)
	}
	refs, err := w.db.Ent.GitRef.Query().
		Where(gitref.ProjectID(projectID), gitref.NameHasPrefix(headsPrefix), func(s *sql.Selector) {
			s.Where(sql.P().Append(func(b *sql.Builder) { b.WriteString(name(s)).WriteOp(sql.OpGT).Arg(refName(after)) }))
		}).
		Order(func(s *sql.Selector) { s.OrderExpr(sql.Raw(name(s))) }).Limit(max(limit, 0) + 1).All(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("list branches: %w", err)
	}
	if len(refs) > limit {
		refs, hasMore = refs[:max(limit, 0)], true
	}
	for _, r := range refs {
		branches = append(branches, BranchTip{strings.TrimPrefix(r.Name, headsPrefix), r.Hash})
	}
	return branches, hasMore, nil
}

// countedCommits is how many commits Ahead looks at.
const countedCommits = 500

// Ahead counts the commits that a branch has and main has not, and the other way round,
// among the 500 newest of both.
func (w *Workspace) Ahead(ctx context.Context, projectID, branch string) (ahead, behind int, err error) {
	objs, ours, err := w.resolve(ctx, projectID, branch)
	if err != nil {
		return 0, 0, err
	}
	theirs, err := readHead(ctx, w.db.Ent, projectID, MainBranch, false)
	if err != nil {
		return 0, 0, err
	}
	found, _, err := walk(objs, ours, theirs.hash, countedCommits)
	return found.ahead, found.behind, err
}

// CreateBranchInput is a branch to make.
type CreateBranchInput struct {
	ProjectID string
	Name      string
	// From is as ref in Files.
	From string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// CreateBranch makes a branch in the viewer's name, who needs the role EDITOR.
//
// The errors are BAD_USER_INPUT and CONFLICT with the field "name", the latter where the
// name is taken, and NOT_FOUND or CONFLICT with the field "from".
func (w *Workspace) CreateBranch(ctx context.Context, in CreateBranchInput) (*BranchTip, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkNewBranch(in.Name); err != nil {
		return nil, err
	}
	made, counted := BranchTip{Name: in.Name}, w.countAhead(ctx, in)
	err = w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		made.Hash, _, err = idempotency.Do(ctx, tx, "createBranch", in.IdempotencyKey, in, func() (string, error) {
			return w.createBranch(ctx, tx, viewer, in, counted)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &made, nil
}

// countAhead measures where a branch is to begin before the transaction that makes it, which
// says what is wrong where that fails. A branch's tip needs none of it.
func (w *Workspace) countAhead(ctx context.Context, in CreateBranchInput) head {
	if access.RequireRole(ctx, w.db.Ent, in.ProjectID, enum.ProjectEditor) != nil {
		return head{}
	}
	_, at, err := w.resolveHead(ctx, w.db.Ent, in.ProjectID, in.From)
	if err != nil || at.hash.IsZero() || at.files >= 0 {
		return head{}
	}
	if at, err = w.measure(ctx, w.db.Ent, Main(in.ProjectID), at.hash); err != nil {
		return head{}
	}
	return at
}

func (w *Workspace) createBranch(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in CreateBranchInput, counted head) (string, error) {
	if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return "", err
	}
	_, to, err := w.resolveHead(ctx, tx.Ent, in.ProjectID, in.From)
	if p := problem.As(err); p != nil && p.Field == "ref" {
		return "", problem.Missing("from", "branch or commit")
	}
	if err != nil {
		return "", err
	}
	if to.hash.IsZero() {
		return "", &problem.Error{Code: problem.Conflict, Field: "from", Message: "the project has no commit yet at which a branch could begin"}
	}
	if err := vacant(ctx, tx.Ent, in.ProjectID, in.Name); err != nil {
		return "", err
	}
	switch {
	case to.files >= 0:
	case to.hash == counted.hash:
		to = counted
	default:
		if to, err = w.measure(ctx, tx.Ent, Main(in.ProjectID), to.hash); err != nil {
			return "", err
		}
	}
	err = w.begin(ctx, tx, Branch{in.ProjectID, in.Name}, to, stream.Actor{UserID: viewer.UserID}, "")
	if errors.Is(err, errMoved) {
		err = taken()
	}
	return to.hash.String(), err
}

// RequireBranches refuses, with NOT_FOUND, a source or a target that isn't there. Main is
// always a target. Neither is moved or deleted before tx ends. They are locked in the order
// of their names, so that whoever merges the other way round at once waits its turn.
func (w *Workspace) RequireBranches(ctx context.Context, tx *store.Tx, projectID, source, target string) error {
	there := map[string]bool{}
	for _, name := range slices.Sorted(slices.Values([]string{source, target})) {
		at, err := readHead(ctx, tx.Ent, projectID, name, canLock(tx))
		if err != nil {
			return err
		}
		there[name] = !at.hash.IsZero()
	}
	if !there[source] {
		return problem.Missing("source", "branch")
	}
	if !there[target] && target != MainBranch {
		return problem.Missing("target", "branch")
	}
	return nil
}

func taken() error {
	return &problem.Error{Code: problem.Conflict, Field: "name", Message: "there is such a branch already"}
}

// vacant refuses a name that is taken, or that is another's folder: git keeps branches
// as files.
func vacant(ctx context.Context, c *ent.Client, projectID, name string) error {
	all, err := c.GitRef.Query().Where(gitref.ProjectID(projectID), gitref.NameHasPrefix(headsPrefix)).
		Select(gitref.FieldName).Strings(ctx)
	if err != nil {
		return fmt.Errorf("list branches: %w", err)
	}
	for _, other := range append(all, refName(MainBranch)) {
		other = strings.TrimPrefix(other, headsPrefix)
		switch {
		case other == name:
			return taken()
		case strings.HasPrefix(name, other+"/"), strings.HasPrefix(other, name+"/"):
			return &problem.Error{Code: problem.Conflict, Field: "name", Message: "one branch's name can't be a folder of another's"}
		}
	}
	return nil
}

// begin makes a branch and tells of it.
func (w *Workspace) begin(ctx context.Context, tx *store.Tx, on Branch, at head, by stream.Actor, runID string) error {
	handle, err := access.StreamWriter(ctx, tx.Ent, on.ProjectID)
	if err != nil {
		return err
	}
	if err := w.hold(ctx, tx, on, at); err != nil {
		return err
	}
	w.log.Append(tx, handle, branchChanged(on, enum.FileCreated, at.hash, by, runID))
	return nil
}

// hold makes a branch that keeps its commit from now on. Where nothing led to the commit it
// may have been dropped since it was looked up: NOT_FOUND with the field "from".
func (w *Workspace) hold(ctx context.Context, tx *store.Tx, on Branch, at head) error {
	if err := moveHead(ctx, tx, on.ProjectID, on.name(), head{}, at); err != nil {
		return err
	}
	there, err := newObjects(ctx, tx.Ent, w.packs, on.ProjectID).exists(plumbing.CommitObject, at.hash)
	if err == nil && !there {
		err = problem.Missing("from", "branch or commit")
	}
	return err
}

func branchChanged(on Branch, change enum.FileChange, tip plumbing.Hash, by stream.Actor, runID string) stream.Draft {
	p := stream.BranchPayload{V: 1, Name: on.name(), Change: change}
	if !tip.IsZero() {
		p.Tip = tip.String()
	}
	if by != (stream.Actor{}) {
		p.Actor = &by
	}
	return stream.Draft{Type: enum.EventBranchChanged, RunID: runID, Payload: p}
}

// BeginTx makes, as a part of tx, a branch at the tip of another for the work of author,
// unless it is there already. Where the other is gone it begins at main, and where main has
// no commit yet with an empty one, so that it is there.
func (w *Workspace) BeginTx(ctx context.Context, tx *store.Tx, on, from Branch, author Author) error {
	present, err := readHead(ctx, tx.Ent, on.ProjectID, on.name(), canLock(tx))
	if err != nil || !present.hash.IsZero() {
		return err
	}
	at, err := readHead(ctx, tx.Ent, on.ProjectID, from.name(), false)
	if err == nil && at.hash.IsZero() {
		at, err = readHead(ctx, tx.Ent, on.ProjectID, MainBranch, false)
	}
	if err != nil {
		return err
	}
	err = w.beginAt(ctx, tx, on, at, author)
	if errors.Is(err, errMoved) {
		return nil // another was first
	}
	return err
}

// ForkTx makes, as a part of tx, a branch that begins at a commit, or with an empty one for
// "". The fewer files differ from those of the branch near, the quicker it is. The caller has
// checked that it may be. The errors are CONFLICTs with the field "name".
func (w *Workspace) ForkTx(ctx context.Context, tx *store.Tx, on, near Branch, commit string, author Author) error {
	if err := vacant(ctx, tx.Ent, on.ProjectID, on.Name); err != nil {
		return err
	}
	at := head{}
	if commit != "" {
		var err error
		if at, err = w.measure(ctx, tx.Ent, near, plumbing.NewHash(commit)); err != nil {
			return err
		}
	}
	err := w.beginAt(ctx, tx, on, at, author)
	if errors.Is(err, errMoved) {
		err = taken()
	}
	return err
}

func (w *Workspace) beginAt(ctx context.Context, tx *store.Tx, on Branch, at head, author Author) error {
	if at.hash.IsZero() {
		p := &prepared{on: on, objs: newObjects(ctx, tx.Ent, w.packs, on.ProjectID)}
		tree, err := newFolder(plumbing.ZeroHash).write(p.objs)
		if err != nil {
			return err
		}
		if at.hash, err = p.write(w.now(), tree, author, "Begin "+on.name()); err != nil {
			return err
		}
		if err := p.objs.pack(); err != nil {
			return err
		}
		if _, err := p.objs.save(ctx, tx.Ent); err != nil {
			return err
		}
	}
	return w.begin(ctx, tx, on, at, stream.Actor{UserID: author.UserID, AgentID: author.AgentID}, author.RunID)
}
