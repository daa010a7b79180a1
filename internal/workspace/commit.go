package workspace

import (
	"context"
	"errors"
	"fmt"
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

// The limits of content, in bytes. MaxText is that of text which people and tools write
// through the API; MaxFile that of everything else.
const (
	MaxText    = 1 << 20
	MaxFile    = 50 << 20
	MaxProject = 100 << 20
	maxMessage = 64 << 10
)

// Change is what to do to one path.
type Change struct {
	Path string
	// Content is the new content, of any bytes; a link's is its target. nil deletes the
	// file, unless Revision or Mode is given.
	Content *string
	// Revision takes the content of another file of the project instead, at any commit.
	Revision string
	// Mode is what the file becomes. Without Content and Revision it keeps its content.
	Mode Mode
	// Base is the revision that the change was made from. When the file has
	// another by now nothing is committed and the error is a CONFLICT with the
	// field "path". "" says that there must be no such file. nil doesn't care:
	// the last writer wins.
	Base *string
}

// Deletes says that the change takes the file away.
func (c Change) Deletes() bool { return c.Content == nil && c.Revision == "" && c.Mode == Keep }

// Branch is where a change is made.
type Branch struct {
	ProjectID string
	// Name is without "refs/heads/"; "" is main.
	Name string
}

// Main is the branch of a project where work lands.
func Main(projectID string) Branch { return Branch{ProjectID: projectID} }

func (b Branch) name() string {
	if b.Name == "" {
		return MainBranch
	}
	return b.Name
}

// Author is who made a change.
type Author struct {
	// Name and Email stand in the commit.
	Name, Email string
	// UserID, AgentID and RunID stand in the events; each may be empty.
	UserID, AgentID, RunID string
	// Role and Step are the agent's slug and the step of its run; with RunID they end the
	// commit's message as trailers.
	Role string
	Step int
}

// trailers are the lines that say which work a commit belongs to; see
// git-interpret-trailers.
func (a Author) trailers() string {
	if a.RunID == "" {
		return ""
	}
	var b strings.Builder
	if a.Role != "" {
		fmt.Fprintf(&b, "Agent: %s\n", a.Role)
	}
	fmt.Fprintf(&b, "Run: %s\n", a.RunID)
	if a.Step > 0 {
		fmt.Fprintf(&b, "Step: %d\n", a.Step)
	}
	return b.String()
}

// The committer of every commit: it is the server that writes them.
const (
	committerName  = "Zeblit"
	committerEmail = "zeblit@localhost"
)

// Commit makes changes, all or none, as one commit on a branch and returns its hash.
// What changes nothing makes no commit and no event, and returns the present
// head ("" when there is none). Each changed path is told of by a FILE_CHANGED,
// whose revision is "" for a deleted file.
//
// When somebody else commits first, the changes are made to their commit; that
// is tried ten times. The viewer needs the role EDITOR.
// A branch other than main must be there already: NOT_FOUND with the field "branch".
//
// The errors are BAD_USER_INPUT with the field "path", "text" or "message",
// CONFLICT with the field "path" (a wrong Base, a file where a folder is or the
// other way round), and NOT_FOUND with it for deleting what isn't there.
func (w *Workspace) Commit(ctx context.Context, on Branch, author Author, message string, changes ...Change) (string, error) {
	if err := check(message, changes); err != nil {
		return "", err
	}
	return attempts(ctx, func(lock bool) (string, error) { return w.try(ctx, on, author, message, changes, lock) })
}

// CommitTx is Commit as a part of tx: other writers to the project wait from now
// until tx ends. Losing the race for the project's first commit, the one case
// where there is nothing to wait for yet, is a CONFLICT without a field.
func (w *Workspace) CommitTx(ctx context.Context, tx *store.Tx, on Branch, author Author, message string, changes ...Change) (string, error) {
	if err := check(message, changes); err != nil {
		return "", err
	}
	hash, err := w.commitIn(ctx, tx, on, author, message, changes)
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
func (w *Workspace) try(ctx context.Context, on Branch, author Author, message string, changes []Change, lock bool) (hash string, err error) {
	if lock {
		err = w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			hash, err = w.commitIn(ctx, tx, on, author, message, changes)
			return err
		})
		return hash, err
	}
	p, err := w.prepare(ctx, w.db.Ent, false, on, author, message, changes)
	if err != nil || len(p.events) == 0 {
		return p.tip(), err
	}
	return p.tip(), w.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return w.land(ctx, tx, p) })
}

func (w *Workspace) commitIn(ctx context.Context, tx *store.Tx, on Branch, author Author, message string, changes []Change) (string, error) {
	p, err := w.prepare(ctx, tx.Ent, canLock(tx), on, author, message, changes)
	if err != nil || len(p.events) == 0 {
		return p.tip(), err
	}
	return p.tip(), w.land(ctx, tx, p)
}

// prepared is a commit that is ready to be written on top of from. Without
// events it changes nothing.
type prepared struct {
	on       Branch
	from, to head
	objs     *objects
	events   []stream.Draft
	// borrowed is the content that was there before, and that no commit may hold any more.
	borrowed []plumbing.Hash
}

func (p *prepared) tip() string {
	if p == nil || p.to.hash.IsZero() {
		return ""
	}
	return p.to.hash.String()
}

// prepare makes the changes to the present tip, in memory.
func (w *Workspace) prepare(ctx context.Context, c *ent.Client, lock bool, on Branch, author Author, message string, changes []Change) (*prepared, error) {
	if err := access.RequireRole(ctx, c, on.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	from, err := readHead(ctx, c, on.ProjectID, on.name(), lock)
	if err != nil {
		return nil, err
	}
	if from.hash.IsZero() && on.name() != MainBranch {
		return nil, problem.Missing("branch", "branch")
	}
	return w.prepareOn(ctx, c, from, on, author, message, changes)
}

// prepareOn is prepare on what the branch was found at.
func (w *Workspace) prepareOn(ctx context.Context, c *ent.Client, from head, on Branch, author Author, message string, changes []Change) (*prepared, error) {
	p := &prepared{on: on, from: from, to: from, objs: newObjects(ctx, c, w.packs, on.ProjectID)}
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
	if p.to.files, err = p.countAfter(edits); err != nil {
		return nil, err
	}
	if err := w.quota.check(p.from, p.to); err != nil {
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
		p.events = append(p.events, e.event(on.name(), author))
		if e.Revision != "" {
			p.borrowed = append(p.borrowed, e.after.Hash)
		}
	}
	return p, p.objs.pack()
}

// write adds the commit itself.
func (p *prepared) write(at time.Time, tree plumbing.Hash, author Author, message string) (plumbing.Hash, error) {
	return p.writeOn(at, tree, author, message, p.from.hash)
}

// writeOn is write with other parents; those without a hash are none.
func (p *prepared) writeOn(at time.Time, tree plumbing.Hash, author Author, message string, parents ...plumbing.Hash) (plumbing.Hash, error) {
	at = at.UTC()
	commit := object.Commit{
		Author:    object.Signature{Name: nameOr(author.Name, committerName), Email: nameOr(author.Email, committerEmail), When: at},
		Committer: object.Signature{Name: committerName, Email: committerEmail, When: at},
		Message:   withTrailers(message, author),
		TreeHash:  tree,
	}
	for _, parent := range parents {
		if !parent.IsZero() {
			commit.ParentHashes = append(commit.ParentHashes, parent)
		}
	}
	return p.objs.add(commit.Encode)
}

// land writes a prepared commit, its branch first: who has lost the race writes
// nothing, and two writers take their locks in the same order.
func (w *Workspace) land(ctx context.Context, tx *store.Tx, p *prepared) error {
	if err := moveHead(ctx, tx, p.on.ProjectID, p.on.name(), p.from, p.to); err != nil {
		return err
	}
	stored, err := p.objs.save(ctx, tx.Ent)
	if err != nil {
		return err
	}
	if err := w.quota.checkHistory(stored, p.objs.hasContent()); err != nil {
		return err
	}
	if err := p.checkBorrowed(ctx, tx.Ent); err != nil {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, p.on.ProjectID)
	if err != nil {
		return err
	}
	w.log.Append(tx, handle, p.events...)
	return nil
}

// checkBorrowed looks for content again, once the branch is held: what nothing refers to
// is dropped some day, and from now on something does.
func (p *prepared) checkBorrowed(ctx context.Context, c *ent.Client) error {
	if len(p.borrowed) == 0 {
		return nil
	}
	present, err := newObjects(ctx, c, p.objs.packs, p.on.ProjectID).sizes(plumbing.BlobObject, p.borrowed)
	if err != nil {
		return err
	}
	for _, hash := range p.borrowed {
		if _, ok := present[hash]; !ok {
			return problem.Missing("revision", "revision")
		}
	}
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
		case c.Content != nil && c.Revision != "":
			return problem.BadField("revision", "a change has new content or a revision, not both")
		case c.Content != nil && len(*c.Content) > MaxFile:
			return problem.BadField("text", "a file can have %d bytes at most", MaxFile)
		case c.Mode == Symlink && c.Content != nil:
			if err := checkTarget(*c.Content); err != nil {
				return err
			}
		}
	}
	slices.Sort(paths)
	if len(slices.Compact(paths)) < len(changes) {
		return problem.BadField("path", "a commit can change a path only once")
	}
	return nil
}

func withTrailers(message string, author Author) string {
	message = strings.TrimSpace(message) + "\n"
	if trailers := author.trailers(); trailers != "" {
		message += "\n" + trailers
	}
	return message
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
