package workspace

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// The limits of content, in bytes.
const (
	MaxText    = 1 << 20
	MaxProject = 100 << 20
	maxMessage = 64 << 10
)

const (
	// hopefulTries are made without a lock, which costs nothing when nobody else
	// writes. Later ones hold the branch while they prepare, and so can't lose it.
	hopefulTries = 3
	maxTries     = 10
	// retryPause is what a lost race waits at most, times the tries so far.
	retryPause = 20 * time.Millisecond
)

// Change is what to do to one path.
type Change struct {
	Path string
	// Text is the new content; nil deletes the file.
	Text *string
	// Base is the revision that the change was made from. When the file has
	// another by now nothing is committed and the error is a CONFLICT with the
	// field "path". "" says that there must be no such file. nil doesn't care:
	// the last writer wins.
	Base *string
}

// Author is who made a change.
type Author struct {
	// Name and Email stand in the commit.
	Name, Email string
	// UserID, AgentID and RunID stand in the events; each may be empty.
	UserID, AgentID, RunID string
}

// The committer of every commit: it is the server that writes them.
const (
	committerName  = "Zeblit"
	committerEmail = "zeblit@localhost"
)

// Commit makes changes, all or none, as one commit on main and returns its hash.
// What changes nothing makes no commit and no event, and returns the present
// head ("" when there is none). Each changed path is told of by a FILE_CHANGED,
// whose revision is "" for a deleted file.
//
// When somebody else commits first, the changes are made to their commit; that
// is tried ten times. The viewer needs the role EDITOR.
//
// The errors are BAD_USER_INPUT with the field "path", "text" or "message",
// CONFLICT with the field "path" (a wrong Base, a file where a folder is or the
// other way round), and NOT_FOUND with it for deleting what isn't there.
func (w *Workspace) Commit(ctx context.Context, projectID string, author Author, message string, changes ...Change) (string, error) {
	if err := check(message, changes); err != nil {
		return "", err
	}
	for try := 1; ; try++ {
		hash, err := w.try(ctx, projectID, author, message, changes, try > hopefulTries)
		switch {
		case err == nil:
			return hash, nil
		case !errors.Is(err, errMoved):
			return "", err
		}
		if try == maxTries {
			return "", &problem.Error{
				Code: problem.Unavailable, RetryAfter: time.Second,
				Message: "too many others are writing to this project: try again",
			}
		}
		if err := pause(ctx, rand.N(time.Duration(try)*retryPause)); err != nil {
			return "", err
		}
	}
}

// CommitTx is Commit as a part of tx: other writers to the project wait from now
// until tx ends. Losing the race for the project's first commit, the one case
// where there is nothing to wait for yet, is a CONFLICT without a field.
func (w *Workspace) CommitTx(ctx context.Context, tx *store.Tx, projectID string, author Author, message string, changes ...Change) (string, error) {
	if err := check(message, changes); err != nil {
		return "", err
	}
	hash, err := w.commitIn(ctx, tx, projectID, author, message, changes)
	switch {
	case errors.Is(err, errMoved):
		return "", problem.New(problem.Conflict, "somebody else has written to this project just now: try again")
	case err != nil:
		return "", err
	}
	return hash, nil
}

// try makes one attempt. Without lock all is prepared before the transaction,
// which keeps it short.
func (w *Workspace) try(ctx context.Context, projectID string, author Author, message string, changes []Change, lock bool) (hash string, err error) {
	if lock {
		err = w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			hash, err = w.commitIn(ctx, tx, projectID, author, message, changes)
			return err
		})
		return hash, err
	}
	p, err := w.prepare(ctx, w.db.Ent, false, projectID, author, message, changes)
	if err != nil || len(p.events) == 0 {
		return p.tip(), err
	}
	return p.tip(), w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return w.land(ctx, tx, p) })
}

func (w *Workspace) commitIn(ctx context.Context, tx *store.Tx, projectID string, author Author, message string, changes []Change) (string, error) {
	p, err := w.prepare(ctx, tx.Ent, canLock(tx), projectID, author, message, changes)
	if err != nil || len(p.events) == 0 {
		return p.tip(), err
	}
	return p.tip(), w.land(ctx, tx, p)
}

// prepared is a commit that is ready to be written on top of from. Without
// events it changes nothing.
type prepared struct {
	project  string
	from, to head
	objs     *objects
	events   []stream.Draft
}

func (p *prepared) tip() string {
	if p == nil || p.to.hash.IsZero() {
		return ""
	}
	return p.to.hash.String()
}

// prepare makes the changes to the present tip, in memory.
func (w *Workspace) prepare(ctx context.Context, c *ent.Client, lock bool, projectID string, author Author, message string, changes []Change) (*prepared, error) {
	if err := access.RequireRole(ctx, c, projectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	from, err := readHead(ctx, c, projectID, mainBranch, lock)
	if err != nil {
		return nil, err
	}
	p := &prepared{project: projectID, from: from, to: from, objs: newObjects(ctx, c, projectID)}
	var root plumbing.Hash
	if !from.hash.IsZero() {
		tip, err := object.GetCommit(p.objs, from.hash)
		if err != nil {
			return nil, err
		}
		root = tip.TreeHash
	}
	edits, top, err := p.compare(root, changes)
	if err != nil || len(edits) == 0 {
		return p, err
	}
	if p.to.size, err = p.sizeAfter(edits); err != nil {
		return nil, err
	}
	if err := p.edit(top, edits); err != nil {
		return nil, err
	}
	tree, err := top.write(p.objs)
	if err != nil {
		return nil, err
	}
	if p.to.hash, err = p.write(w.now(), tree, author, message); err != nil {
		return nil, err
	}
	for _, e := range edits {
		p.events = append(p.events, e.event(author))
	}
	return p, p.objs.pack()
}

// write adds the commit itself.
func (p *prepared) write(at time.Time, tree plumbing.Hash, author Author, message string) (plumbing.Hash, error) {
	at = at.UTC()
	commit := object.Commit{
		Author:    object.Signature{Name: nameOr(author.Name, committerName), Email: nameOr(author.Email, committerEmail), When: at},
		Committer: object.Signature{Name: committerName, Email: committerEmail, When: at},
		Message:   strings.TrimSpace(message) + "\n",
		TreeHash:  tree,
	}
	if !p.from.hash.IsZero() {
		commit.ParentHashes = []plumbing.Hash{p.from.hash}
	}
	return p.objs.add(commit.Encode)
}

// land writes a prepared commit, its branch first: who has lost the race writes
// nothing, and two writers take their locks in the same order.
func (w *Workspace) land(ctx context.Context, tx *store.Tx, p *prepared) error {
	if err := moveHead(ctx, tx, p.project, mainBranch, p.from, p.to); err != nil {
		return err
	}
	if err := p.objs.save(ctx, tx.Ent); err != nil {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, p.project)
	if err != nil {
		return err
	}
	w.log.Append(tx, handle, p.events...)
	return nil
}

// check refuses what no state of the project could make right.
func check(message string, changes []Change) error {
	switch {
	case len(message) > maxMessage:
		return problem.BadField("message", "a commit's message can have %d bytes at most", maxMessage)
	case !utf8.ValidString(message) || strings.ContainsRune(message, 0):
		return problem.BadField("message", "a commit's message must be valid UTF-8 without NUL")
	case strings.TrimSpace(message) == "":
		return problem.BadField("message", "a commit needs a message")
	}
	paths := make([]string, 0, len(changes))
	for _, c := range changes {
		if err := CheckPath(c.Path); err != nil {
			return err
		}
		paths = append(paths, c.Path)
		switch {
		case c.Text == nil:
		case len(*c.Text) > MaxText:
			return problem.BadField("text", "a file can have %d bytes at most", MaxText)
		case !utf8.ValidString(*c.Text):
			return problem.BadField("text", "a file's text must be valid UTF-8")
		}
	}
	slices.Sort(paths)
	if len(slices.Compact(paths)) < len(changes) {
		return problem.BadField("path", "a commit can change a path only once")
	}
	return nil
}

// nameOr makes a name or an address fit for a commit's header.
func nameOr(s, otherwise string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
	if s == "" {
		return otherwise
	}
	return s
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
