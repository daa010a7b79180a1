package workspace

import (
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// The colours of a walk over two histories: from whom a commit can be reached, and
// whether a common ancestor is below it, so that it is no news.
const (
	ofOurs = 1 << iota
	ofTheirs
	stale
)

// ancestry is what a walk from two commits has found.
type ancestry struct {
	// base is where they part: their best common ancestor, the zero hash where they have
	// none. Of several as good as each other, as after merges crosswise, it is the newest.
	base plumbing.Hash
	// ahead and behind are how many commits only ours has, and only theirs.
	ahead, behind int
}

// walk finds where the histories of two commits part, either of which may be the zero
// hash. It looks at most commits; then whole is false, there is no base, and what it has
// counted is the least that there is.
func walk(objs *objects, ours, theirs plumbing.Hash, most int) (a ancestry, whole bool, err error) {
	w := walker{objs: objs, colours: map[plumbing.Hash]int{}}
	for colour, hash := range map[int]plumbing.Hash{ofOurs: ours, ofTheirs: theirs} {
		if hash.IsZero() {
			continue
		}
		if err := w.reach(hash, colour); err != nil {
			return a, false, err
		}
	}
	for ; w.more(); w.seen++ {
		if w.seen >= most {
			return w.count(), false, nil
		}
		if err := w.look(heap.Pop(&w.queue).(*object.Commit)); err != nil {
			return a, false, err
		}
	}
	a = w.count()
	if best := w.best(); len(best) > 0 {
		a.base = best[0].Hash
	}
	return a, true, nil
}

type walker struct {
	objs    *objects
	colours map[plumbing.Hash]int
	queue   newestFirst
	seen    int
	// common are the common ancestors that were not below another when they were found.
	common newestFirst
	// oldest is the time of the oldest commit that was news.
	oldest time.Time
}

func (w *walker) look(c *object.Commit) error {
	colour := w.colours[c.Hash]
	if colour&stale == 0 {
		if w.oldest.IsZero() || c.Committer.When.Before(w.oldest) {
			w.oldest = c.Committer.When
		}
		if colour == ofOurs|ofTheirs {
			w.common = append(w.common, c)
			colour |= stale
		}
	}
	for _, parent := range c.ParentHashes {
		if err := w.reach(parent, colour); err != nil {
			return err
		}
	}
	return nil
}

// more says whether a commit that is still to be looked at can tell anything. What is
// below a common ancestor only tells what else is, which matters of commits that are as
// young: many are made within one second, and looked at in any order.
func (w *walker) more() bool {
	if len(w.queue) == 0 {
		return false
	}
	for _, c := range w.queue {
		if w.colours[c.Hash]&stale == 0 {
			return true
		}
	}
	return !w.queue[0].Committer.When.Before(w.oldest) || len(w.best()) > 1
}

// best are the common ancestors that are below no other.
func (w *walker) best() newestFirst {
	var best newestFirst
	for _, c := range w.common {
		known := func(other *object.Commit) bool { return other.Hash == c.Hash }
		if w.colours[c.Hash]&stale == 0 && !slices.ContainsFunc(best, known) {
			best = append(best, c)
		}
	}
	sort.Sort(best)
	return best
}

// reach colours a commit, and looks at it again if that is new.
func (w *walker) reach(hash plumbing.Hash, colour int) error {
	if w.colours[hash]|colour == w.colours[hash] {
		return nil
	}
	w.colours[hash] |= colour
	c, err := object.GetCommit(w.objs, hash)
	if err != nil {
		return fmt.Errorf("read commit %s: %w", hash, err)
	}
	heap.Push(&w.queue, c)
	return nil
}

func (w *walker) count() (a ancestry) {
	for _, colour := range w.colours {
		switch colour {
		case ofOurs:
			a.ahead++
		case ofTheirs:
			a.behind++
		}
	}
	return a
}

// newestFirst is a heap of commits; among equals the order is fixed.
type newestFirst []*object.Commit

func (q newestFirst) Len() int { return len(q) }
func (q newestFirst) Less(i, j int) bool {
	a, b := q[i], q[j]
	if !a.Committer.When.Equal(b.Committer.When) {
		return a.Committer.When.After(b.Committer.When)
	}
	return a.Hash.String() < b.Hash.String()
}
func (q newestFirst) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *newestFirst) Push(c any)   { *q = append(*q, c.(*object.Commit)) }
func (q *newestFirst) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
