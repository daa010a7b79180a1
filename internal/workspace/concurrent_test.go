package workspace_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

const writers = 16

func TestConcurrentWritersAllLand(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		var group errgroup.Group
		for i := range writers {
			group.Go(func() error {
				_, err := b.Commit(b.ctx, workspace.Main(b.project.ID), ada, "change", write(fmt.Sprintf("d%d/f%d", i%4, i), fmt.Sprint(i)))
				return err
			})
		}
		require.NoError(t, group.Wait())

		require.Len(t, b.paths(t, "", ""), writers)
		require.Len(t, b.events(t), writers)
		commits := b.history(t)
		require.Len(t, commits, writers)
		for i, c := range commits[:writers-1] {
			require.Equal(t, []string{commits[i+1].Hash}, c.Parents)
		}
		requireSound(t, b)
	})
}

func TestConcurrentWritersOfOneFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("other", "x"))
		for _, guarded := range []bool{true, false} {
			path := fmt.Sprintf("f-%t", guarded)
			var landed atomic.Int32
			var group errgroup.Group
			for i := range writers {
				group.Go(func() error {
					change := write(path, fmt.Sprint(i))
					if guarded {
						change = from("", change)
					}
					_, err := b.Commit(b.ctx, workspace.Main(b.project.ID), ada, "change", change)
					if err == nil {
						landed.Add(1)
					}
					if p := problem.As(err); guarded && p != nil && p.Code == problem.Conflict && p.Field == "path" {
						return nil
					}
					return err
				})
			}
			require.NoError(t, group.Wait())
			if guarded {
				require.EqualValues(t, 1, landed.Load())
			} else {
				require.EqualValues(t, writers, landed.Load())
			}
		}
		require.Len(t, b.history(t), 1+1+writers)
	})
}

// requireSound copies the project's objects to a folder and has git check them.
func requireSound(t *testing.T, b *bundle) (dir string) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("git is not installed: it checks the repository that we write")
	}
	dir = t.TempDir()
	require.NoError(t, exec.CommandContext(b.ctx, git, "init", "--bare", "--quiet", "--initial-branch=main", dir).Run())
	target := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())

	source := workspace.Objects(b.ctx, b.db.Ent, b.project.ID)
	iter, err := source.IterEncodedObjects(plumbing.AnyObject)
	require.NoError(t, err)
	require.NoError(t, iter.ForEach(func(obj plumbing.EncodedObject) error {
		hash, err := target.SetEncodedObject(obj)
		require.Equal(t, obj.Hash(), hash)
		return err
	}))
	branches, _, err := b.Branches(b.ctx, b.project.ID, "", 1000)
	require.NoError(t, err)
	for _, at := range branches {
		require.NoError(t, target.SetReference(plumbing.NewHashReference(plumbing.NewBranchReferenceName(at.Name), plumbing.NewHash(at.Hash))))
	}

	out, err := exec.CommandContext(b.ctx, git, "-C", dir, "fsck", "--strict", "--full", "--no-dangling").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "warning")
	out, err = exec.CommandContext(b.ctx, git, "-C", dir, "log", "--first-parent", "--format=%H", "main").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Len(t, string(out), 41*len(b.history(t)))
	return dir
}

// Ten files of noise are more than one statement takes.
func TestLargeCommitIsWhole(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		noise := rand.NewChaCha8([32]byte{1})
		var changes []workspace.Change
		for i := range 10 {
			raw := make([]byte, workspace.MaxText/2)
			_, err := noise.Read(raw)
			require.NoError(t, err)
			changes = append(changes, write(fmt.Sprint("noise/", i), hex.EncodeToString(raw)))
		}
		b.commit(t, changes...)
		require.Len(t, b.paths(t, "noise", ""), len(changes))
		require.Equal(t, *changes[9].Content, b.text(t, "noise/9", ""))
		requireSound(t, b)
	})
}
