package merge_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit/ent/enum"
	entmerge "github.com/zeblit/zeblit/ent/merge"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// Both branches are locked while a merge is queued: one way round and the other at once
// must not wait for each other.
func TestMergesBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, "", write("base", "x"))
		b.branch(t, "a")
		b.branch(t, "b")
		for range 100 {
			var group errgroup.Group
			for _, way := range [][2]string{{"a", "b"}, {"b", "a"}, {"a", "main"}, {"b", "main"}} {
				group.Go(func() error {
					m, err := b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: way[0], Target: way[1]})
					if err == nil {
						_, err = b.merges.Cancel(b.ctx, m.ID)
					}
					return err
				})
			}
			require.NoError(t, group.Wait())
		}
	})
}

func TestMergesBothWaysAreBothMade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, "", write("base", "x"))
		b.branch(t, "a")
		b.branch(t, "b")
		b.commit(t, "a", write("a", "a"))
		b.commit(t, "b", write("b", "b"))
		work(t, b.merges)
		work(t, b.service(""))
		var group errgroup.Group
		for _, way := range [][2]string{{"a", "b"}, {"b", "a"}} {
			group.Go(func() error {
				_, err := b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: way[0], Target: way[1]})
				return err
			})
		}
		require.NoError(t, group.Wait())
		for _, m := range db.Ent.Merge.Query().AllX(b.ctx) {
			m = b.await(t, m)
			require.Equal(t, enum.MergeMerged, m.State, m.Error)
		}
		require.Equal(t, "a", b.text(t, "a", "b"))
		require.Equal(t, "b", b.text(t, "b", "a"))
		b.sound(t)
	})
}

// Who resolves a merge and who queues it anew at once: one of both is told to look again.
func TestAResolutionAndANewMergeAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, "", write("a", "0\n"))
		b.branch(t, "x")
		b.commit(t, "x", write("a", "x\n"))
		b.commit(t, "", write("a", "main\n"))
		work(t, b.merges)
		side := enum.SideTheirs
		for range 20 {
			m := b.await(t, b.merge(t, "x"))
			require.Equal(t, enum.MergeConflicted, m.State, m.Error)
			var resolved, queued error
			var group errgroup.Group
			group.Go(func() error {
				_, _, resolved = b.merges.Resolve(b.ctx, m.ID, []merge.Decision{{Path: "a", Side: &side}}, "")
				return nil
			})
			group.Go(func() error {
				_, queued = b.merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: "x"})
				return nil
			})
			require.NoError(t, group.Wait())
			for _, err := range []error{resolved, queued} {
				if err != nil {
					require.True(t, problem.Is(err, problem.Conflict), "%v", err)
				}
			}
			for _, m := range db.Ent.Merge.Query().Where(entmerge.StateIn(enum.MergeQueued, enum.MergeMerging)).AllX(b.ctx) {
				b.await(t, m)
			}
			b.commit(t, "x", write("a", "x "+m.ID))
			b.commit(t, "", write("a", "main "+m.ID))
		}
		b.sound(t)
	})
}
