package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/problem"
)

// Commit is one step of the history.
type Commit struct {
	Hash        string
	Message     string
	AuthorName  string
	AuthorEmail string
	At          time.Time
	// Parents are the commits it came from: none for the first.
	Parents []string
}

// Commits lists the history of ref, newest first, along first parents: at most
// limit commits that come after (are older than) the commit after, "" for the
// newest. hasMore says that older ones follow. ref is as in Files.
func (w *Workspace) Commits(ctx context.Context, projectID, ref, after string, limit int) (commits []Commit, hasMore bool, err error) {
	objs, next, err := w.resolve(ctx, projectID, ref)
	if err != nil {
		return nil, false, err
	}
	if after != "" {
		if next, err = parentOf(objs, after); err != nil {
			return nil, false, err
		}
	}
	for len(commits) < limit && !next.IsZero() {
		c, err := object.GetCommit(objs, next)
		if err != nil {
			return nil, false, fmt.Errorf("read commit %s: %w", next, err)
		}
		commits = append(commits, describeCommit(c))
		next = firstParent(c)
	}
	return commits, !next.IsZero(), nil
}

func parentOf(objs *objects, after string) (plumbing.Hash, error) {
	unknown := problem.BadField("after", "this is no commit of the project")
	hash, ok := parseHash(after)
	if !ok {
		return plumbing.ZeroHash, unknown
	}
	c, err := object.GetCommit(objs, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return plumbing.ZeroHash, unknown
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return firstParent(c), nil
}

func firstParent(c *object.Commit) plumbing.Hash {
	if len(c.ParentHashes) == 0 {
		return plumbing.ZeroHash
	}
	return c.ParentHashes[0]
}

func describeCommit(c *object.Commit) Commit {
	out := Commit{
		Hash:        c.Hash.String(),
		Message:     strings.TrimSuffix(c.Message, "\n"),
		AuthorName:  c.Author.Name,
		AuthorEmail: c.Author.Email,
		At:          c.Author.When,
	}
	for _, p := range c.ParentHashes {
		out.Parents = append(out.Parents, p.String())
	}
	return out
}
