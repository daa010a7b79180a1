package merge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entmerge "github.com/zeblit/zeblit/ent/merge"
	"github.com/zeblit/zeblit/ent/predicate"
	entuser "github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	lookEvery = time.Second
	// term is how long a worker may be silent before another takes its merge.
	term  = 6 * time.Second
	renew = 2 * time.Second
	// atOnce is how many merges, of as many projects, a worker makes at once.
	atOnce = 2
	// maxAttempts is how often a merge is taken before it fails.
	maxAttempts = 10
	// maxRaces is how often a merge is prepared anew because others wrote to the target.
	maxRaces  = 50
	racePause = 20 * time.Millisecond
)

// errLost says that another worker has the merge now, or that it has ended.
var errLost = errors.New("the merge's lease is lost")

// Run makes merges until ctx ends. On several nodes at once each merge is made by one.
func (s *Service) Run(ctx context.Context) error {
	id := relay.NewID("wrk")
	work := access.As(ctx, access.Engine)
	slots := make(chan struct{}, atOnce)
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for {
			slots <- struct{}{} // waits for a merge to end where all are taken
			m, err := s.claim(work, id)
			if err != nil && ctx.Err() == nil {
				s.logger.ErrorContext(ctx, "a merge could not be claimed; it is tried again", "error", err)
			}
			if m == nil {
				<-slots
				break
			}
			under.Go(func() {
				defer func() { <-slots; s.hint() }()
				s.work(work, m)
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.hints:
		case <-tick.C:
		}
	}
}

// unended holds for merges that have not ended, in the words of their index.
func unended() predicate.Merge {
	return func(s *sql.Selector) {
		for _, state := range []enum.MergeState{enum.MergeMerged, enum.MergeFailed, enum.MergeCancelled} {
			s.Where(sql.ExprP(s.C(entmerge.FieldState) + " <> '" + string(state) + "'"))
		}
	}
}

// claim takes the first merge of a project's queue, or one whose worker is silent. nil:
// there is none.
func (s *Service) claim(ctx context.Context, owner string) (*ent.Merge, error) {
	silent := func(sel *sql.Selector) {
		sel.Where(sql.ExprP(fmt.Sprintf("%s < %s", sel.C(entmerge.FieldLeaseUntil), store.NowMillis(s.db.Dialect))))
	}
	first := func(sel *sql.Selector) {
		other := sql.Table(entmerge.Table).As("other")
		sel.Where(sql.NotExists(sql.Select(other.C(entmerge.FieldID)).From(other).Where(sql.And(
			sql.ColumnsEQ(other.C(entmerge.FieldProjectID), sel.C(entmerge.FieldProjectID)),
			sql.Or(
				sql.EQ(other.C(entmerge.FieldState), enum.MergeMerging),
				sql.And(sql.EQ(other.C(entmerge.FieldState), enum.MergeQueued), sql.ColumnsLT(other.C(entmerge.FieldID), sel.C(entmerge.FieldID))),
			),
		))))
	}
	found, err := s.db.Ent.Merge.Query().Where(unended(), entmerge.Or(
		entmerge.And(entmerge.StateEQ(enum.MergeQueued), first),
		entmerge.And(entmerge.StateEQ(enum.MergeMerging), silent),
	)).Order(ent.Asc(entmerge.FieldID)).Limit(8).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for a merge: %w", err)
	}
	for _, m := range found {
		taken, err := s.take(ctx, m, owner)
		if err != nil || taken != nil {
			return taken, err
		}
	}
	return nil, nil
}

func (s *Service) take(ctx context.Context, m *ent.Merge, owner string) (taken *ent.Merge, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		update := tx.Ent.Merge.Update().Where(entmerge.ID(m.ID), entmerge.StateEQ(m.State), entmerge.Epoch(m.Epoch)).
			SetState(enum.MergeMerging).SetLeaseOwner(owner).AddEpoch(1).AddAttempts(1).Modify(s.extend)
		if m.StartedAt == nil {
			update.SetStartedAt(store.Now())
		}
		n, err := update.Save(ctx)
		if err != nil || n == 0 {
			return err
		}
		if taken, err = tx.Ent.Merge.Get(ctx, m.ID); err != nil || m.State == enum.MergeMerging {
			return err
		}
		return s.tell(ctx, tx, taken, actor(taken))
	})
	if ent.IsConstraintError(err) { // another of the project was first
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim merge %s: %w", m.ID, err)
	}
	if taken != nil {
		faults.Point(faults.MergeClaimed)
	}
	return taken, nil
}

func (s *Service) extend(u *sql.UpdateBuilder) {
	u.Set(entmerge.FieldLeaseUntil, sql.Expr(fmt.Sprintf("%s + %d", store.NowMillis(s.db.Dialect), term.Milliseconds())))
}

// fence refuses a worker whose lease is lost, and holds the merge's row.
func (s *Service) fence(ctx context.Context, tx *ent.Client, m *ent.Merge) error {
	n, err := tx.Merge.Update().Where(entmerge.ID(m.ID), entmerge.StateEQ(enum.MergeMerging), entmerge.Epoch(m.Epoch), entmerge.LeaseOwner(m.LeaseOwner)).
		Modify(s.extend).Save(ctx)
	if err == nil && n == 0 {
		err = errLost
	}
	return err
}

// work makes a claimed merge, and writes what came of it.
func (s *Service) work(ctx context.Context, m *ent.Merge) {
	held, release := context.WithCancelCause(ctx)
	beaten := make(chan struct{})
	go func() {
		defer close(beaten)
		s.beat(held, m, release)
	}()
	err := s.make(held, m)
	release(nil)
	<-beaten
	logger := s.logger.With("merge", m.ID, "project", m.ProjectID)
	switch {
	case err == nil:
		return
	case errors.Is(err, errLost), errors.Is(context.Cause(held), errLost):
		logger.WarnContext(ctx, "the merge was ended or taken by another while it was made")
		return
	}
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), term)
	defer cancel()
	p := problem.As(err)
	switch {
	case p != nil:
		err = s.settle(final, m, func(u *ent.MergeUpdate) { u.SetState(enum.MergeFailed).SetError(p.Message) })
	case ctx.Err() != nil: // the worker stops
		err = s.settle(final, m, func(u *ent.MergeUpdate) { u.SetState(enum.MergeQueued).AddAttempts(-1) })
	case m.Attempts >= maxAttempts:
		logger.ErrorContext(ctx, "a merge failed", "error", err)
		err = s.settle(final, m, func(u *ent.MergeUpdate) {
			u.SetState(enum.MergeFailed).SetError("an internal error; the server's log has the merge's id")
		})
	default:
		logger.WarnContext(ctx, "a merge could not be made; it is tried again when its lease runs out", "attempts", m.Attempts, "error", err)
		return
	}
	if err != nil && !errors.Is(err, errLost) {
		logger.ErrorContext(ctx, "what came of a merge could not be written; it is made again", "error", err)
	}
}

// beat renews the lease; who has lost it stops.
func (s *Service) beat(ctx context.Context, m *ent.Merge, stop context.CancelCauseFunc) {
	tick := time.NewTicker(renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.fence(ctx, s.db.Ent, m); errors.Is(err, errLost) {
			stop(errLost)
			return
		}
	}
}

// settle ends the worker's part without a merge.
func (s *Service) settle(ctx context.Context, m *ent.Merge, set func(*ent.MergeUpdate)) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := s.fence(ctx, tx.Ent, m); err != nil {
			return err
		}
		return s.leave(ctx, tx, m, set)
	})
}

// leave writes the merge's next state, behind the fence.
func (s *Service) leave(ctx context.Context, tx *store.Tx, m *ent.Merge, set func(*ent.MergeUpdate)) error {
	update := tx.Ent.Merge.Update().Where(entmerge.ID(m.ID)).SetLeaseOwner("").SetLeaseUntil(0)
	set(update)
	if state, _ := update.Mutation().State(); state.Ended() {
		update.SetFinishedAt(store.Now())
	}
	if err := update.Exec(ctx); err != nil {
		return fmt.Errorf("write what came of merge %s: %w", m.ID, err)
	}
	after, err := tx.Ent.Merge.Get(ctx, m.ID)
	if err != nil {
		return err
	}
	tx.AfterCommit(s.hint)
	return s.tell(ctx, tx, after, actor(after))
}

func actor(m *ent.Merge) stream.Actor {
	by := stream.Actor{UserID: m.UserID}
	if m.AgentID != nil {
		by.AgentID = *m.AgentID
	}
	return by
}

// make prepares the merge and writes it, again and again while others are faster. It
// works with the rights of the person who asked.
func (s *Service) make(ctx context.Context, m *ent.Merge) error {
	person := access.WithViewer(ctx, access.Viewer{UserID: m.UserID})
	author, err := s.author(ctx, m)
	if err != nil {
		return err
	}
	for race := 1; ; race++ {
		err := s.try(ctx, person, m, author)
		if !workspace.Moved(err) {
			return err
		}
		if race == maxRaces {
			return problem.New(problem.Unavailable, "others write to %s all the time: merge again later", m.Target)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(rand.N(min(time.Duration(race)*racePause, time.Second))):
		}
	}
}

func (s *Service) try(ctx, person context.Context, m *ent.Merge, author workspace.Author) error {
	merging, err := s.files.Merging(person, m.ProjectID, m.Source, m.Target)
	if err != nil {
		return err
	}
	base, ours, theirs := merging.Commits()
	looked := func(u *ent.MergeUpdate) *ent.MergeUpdate { return u.SetBase(base).SetOurs(ours).SetTheirs(theirs) }
	if merging.Nothing() {
		return s.settle(ctx, m, func(u *ent.MergeUpdate) { looked(u).SetState(enum.MergeMerged).SetResult(ours) })
	}
	tree := ""
	if !merging.OneSided() {
		made, err := s.git.merge(ctx, merging)
		if err != nil {
			return err
		}
		if len(made.conflicts) > 0 {
			return s.conflicted(ctx, person, m, merging, made, looked)
		}
		tree = made.tree
	}
	message := cmp.Or(m.Message, fmt.Sprintf("Merge branch '%s' into %s", m.Source, m.Target))
	ready, err := merging.Finish(tree, author, message)
	if err != nil {
		return err
	}
	faults.Point(faults.MergePrepared)
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := s.fence(ctx, tx.Ent, m); err != nil {
			return err
		}
		if err := ready.Land(person, tx); err != nil {
			return err
		}
		tx.BeforeCommit(func(context.Context) error { faults.Point(faults.MergeLanding); return nil })
		return s.leave(ctx, tx, m, func(u *ent.MergeUpdate) { looked(u).SetState(enum.MergeMerged).SetResult(ready.Commit) })
	})
	if err == nil {
		faults.Point(faults.MergeLanded)
	}
	return err
}

// conflicted keeps what git made, for whoever decides.
func (s *Service) conflicted(ctx, person context.Context, m *ent.Merge, merging *workspace.Merging, made *outcome, looked func(*ent.MergeUpdate) *ent.MergeUpdate) error {
	if len(made.conflicts) > maxConflicts {
		return problem.New(problem.PreconditionFailed, "%d files are in conflict, which is too many to decide here", len(made.conflicts))
	}
	conflicts, err := json.Marshal(made.conflicts)
	if err != nil {
		return err
	}
	kept, err := merging.Keep(made.tree)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := s.fence(ctx, tx.Ent, m); err != nil {
			return err
		}
		if err := kept.Land(person, tx, m.ID); err != nil {
			return err
		}
		return s.leave(ctx, tx, m, func(u *ent.MergeUpdate) { looked(u).SetState(enum.MergeConflicted).SetConflicts(conflicts) })
	})
}

// author is who asked for the merge.
func (s *Service) author(ctx context.Context, m *ent.Merge) (workspace.Author, error) {
	author := workspace.Author{UserID: m.UserID}
	if m.AgentID != nil {
		worker, err := s.db.Ent.Agent.Get(ctx, *m.AgentID)
		if err != nil {
			return author, err
		}
		author.Name, author.Email, author.AgentID, author.Role = worker.Name, worker.Slug+"@agents.zeblit", worker.ID, worker.Slug
	} else {
		user, err := s.db.Ent.User.Query().Where(entuser.ID(m.UserID)).Only(access.WithViewer(ctx, access.Viewer{UserID: m.UserID}))
		if err != nil {
			return author, fmt.Errorf("read who asked for merge %s: %w", m.ID, err)
		}
		author.Name, author.Email = user.Name, user.Email
	}
	if m.RunID != nil {
		author.RunID = *m.RunID
	}
	return author, nil
}
