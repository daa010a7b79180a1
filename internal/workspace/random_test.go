package workspace_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// model is what a branch's files are to be.
type model map[string]string

// random makes some operations in one of the model's folders, and does them to it.
func (m model) random(r *rand.Rand, folder string, most int) (ops []op) {
	for range 1 + r.IntN(most) {
		path := fmt.Sprintf("%s%d/f%d", folder, r.IntN(5), r.IntN(20))
		_, there := m[path]
		other := fmt.Sprintf("%s%d/f%d", folder, r.IntN(5), r.IntN(20))
		_, taken := m[other]
		switch kind := r.IntN(4); {
		case kind == 0 && there:
			ops = append(ops, deleteOp(path))
			delete(m, path)
		case kind == 1 && there && !taken:
			ops = append(ops, moveOp(path, other))
			m[other] = m[path]
			delete(m, path)
		default:
			text := strings.Repeat(fmt.Sprintln(path), 5) + fmt.Sprint(r.IntN(1000))
			ops = append(ops, writeOp(path, text))
			m[path] = text
		}
	}
	return ops
}

// side is a branch that is under way, which changes folders of its own.
type side struct {
	name   string
	folder string
	files  model
}

// TestRandomOperationsWithRepacks holds the repository against maps, one for each branch,
// whatever is packed and dropped meanwhile: branches are begun, written to and merged into
// a main that has moved on.
func TestRandomOperationsWithRepacks(t *testing.T) {
	t.Parallel()
	operations := map[string]int{dialect.SQLite: 10_000, dialect.Postgres: 2_000}
	if testing.Short() { // the race detector looks at the same code, several times slower
		operations = map[string]int{dialect.SQLite: 1_000, dialect.Postgres: 500}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.Workspace = workspace.At(b.Workspace, time.Now().Add(48*time.Hour)) // everything unreachable goes at once
		random := rand.New(rand.NewPCG(3, 4))                                 //nolint:gosec // a test
		stop, packed := b.repackAllTheTime()
		merges := merge.New(db, b.log, b.Workspace, "", slog.New(slog.DiscardHandler))
		working, stopWorking := context.WithCancel(context.Background())
		worked := make(chan error, 1)
		go func() { worked <- merges.Run(working) }()

		main, sides, begun, merged := model{}, []*side{}, 0, 0
		for made := 0; made < operations[db.Dialect] || packed() == 0; {
			ops := main.random(random, "d", 60)
			made += len(ops)
			_, err := b.batch(ops...)
			require.NoError(t, err)
			if len(sides) < 3 && random.IntN(3) == 0 {
				s := &side{name: fmt.Sprint("side/", made), folder: fmt.Sprintf("s%d-", begun%6), files: maps.Clone(main)}
				_, err := b.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: s.name})
				require.NoError(t, err)
				sides, begun = append(sides, s), begun+1
			}
			for _, s := range sides {
				ops := s.files.random(random, s.folder, 30)
				made += len(ops)
				_, err := b.ChangeFiles(b.ctx, workspace.Batch{On: workspace.Branch{ProjectID: b.project.ID, Name: s.name}, Operations: ops})
				require.NoError(t, err)
			}
			if len(sides) > 0 && random.IntN(3) == 0 {
				b.mergeSide(t, merges, sides[0], main)
				sides, merged = sides[1:], merged+1
			}
		}
		stopWorking()
		require.NoError(t, <-worked)
		stop()
		b.repack(t)
		b.holds(t, "", main)
		for _, s := range sides {
			b.holds(t, s.name, s.files)
		}
		t.Log("packed while it was written:", packed(), "merged:", merged)
		require.Positive(t, merged)
		b.counted(t)
		requireSound(t, b)
	})
}

// repackAllTheTime is another node that does so until stop; packed is how many objects it
// has packed by now.
func (b *bundle) repackAllTheTime() (stop func(), packed func() int64) {
	enough, stopped := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	repacker := workspace.NewRepacker(workspace.At(workspace.New(b.db, b.log), time.Now().Add(48*time.Hour)), slog.New(slog.DiscardHandler))
	go func() {
		defer close(stopped)
		for {
			select {
			case <-enough:
				return
			case <-time.After(200 * time.Millisecond):
				done, _ := repacker.Repack(access.As(context.WithoutCancel(b.ctx), access.Maintenance), b.project.ID)
				n.Add(int64(done.Packed))
			}
		}
	}()
	return func() { close(enough); <-stopped }, n.Load
}

// mergeSide merges a branch into main, and deletes it.
func (b *bundle) mergeSide(t *testing.T, merges *merge.Service, s *side, main model) {
	t.Helper()
	m, err := merges.Branch(b.ctx, merge.Input{ProjectID: b.project.ID, Source: s.name})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		m, err = b.db.Ent.Merge.Get(b.ctx, m.ID)
		return err == nil && m.State != enum.MergeQueued && m.State != enum.MergeMerging
	}, time.Minute, 5*time.Millisecond)
	require.Equal(t, enum.MergeMerged, m.State, m.Error)
	maps.DeleteFunc(main, func(path, _ string) bool { return strings.HasPrefix(path, s.folder) })
	for path, text := range s.files {
		if strings.HasPrefix(path, s.folder) {
			main[path] = text
		}
	}
	_, err = b.DeleteBranch(b.ctx, b.project.ID, s.name)
	require.NoError(t, err)
}

// holds compares a branch's files with what they are to be.
func (b *bundle) holds(t *testing.T, branch string, want model) {
	t.Helper()
	require.Equal(t, slices.Sorted(maps.Keys(want)), b.paths(t, "", branch))
	for path, text := range want {
		require.Equal(t, text, b.text(t, path, branch))
	}
}
