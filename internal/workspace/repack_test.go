package workspace_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func (b *bundle) repack(t *testing.T) workspace.Repacked {
	t.Helper()
	done, err := workspace.NewRepacker(b.Workspace, slog.New(slog.DiscardHandler)).
		Repack(access.As(b.ctx, access.Maintenance), b.project.ID)
	require.NoError(t, err)
	return done
}

// everything is what all of the project's objects hold, by their names.
func (b *bundle) everything(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	iter, err := workspace.Objects(b.ctx, b.db.Ent, b.project.ID).IterEncodedObjects(plumbing.AnyObject)
	require.NoError(t, err)
	require.NoError(t, iter.ForEach(func(obj plumbing.EncodedObject) error {
		r, err := obj.Reader()
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		var content strings.Builder
		_, err = bufio.NewReader(r).WriteTo(&content)
		out[obj.Hash().String()] = obj.Type().String() + content.String()
		return err
	}))
	return out
}

// counted compares what was counted along the way with what is there.
func (b *bundle) counted(t *testing.T) {
	t.Helper()
	row, err := b.db.Ent.GitStorage.Query().Only(b.ctx)
	require.NoError(t, err)
	_, err = b.db.Ent.GitStorage.Delete().Exec(storetest.Unchecked(b.ctx))
	require.NoError(t, err)
	anew, err := b.Storage(b.ctx, b.project.ID)
	require.NoError(t, err)
	require.Equal(t, anew.History, row.Bytes)
	loose, err := b.db.Ent.GitObject.Query().Count(b.ctx)
	require.NoError(t, err)
	require.Equal(t, loose, row.Loose)
	require.NoError(t, b.db.Ent.GitStorage.Create().SetProjectID(b.project.ID).SetBytes(row.Bytes).SetLoose(row.Loose).Exec(b.ctx))
}

func TestPackedObjectsReadAsBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		text, random := "", rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
		for range 200 {
			text += fmt.Sprintln("a line that stays", random.Uint64())
		}
		for i := range 60 {
			b.commit(t, write("long.txt", fmt.Sprint(text, i)), write(fmt.Sprintf("d%d/f", i%7), fmt.Sprint(i)))
		}
		b.commit(t, write("large", strings.Repeat("x", 600<<10)))
		before, files, history := b.everything(t), b.paths(t, "", ""), b.history(t)
		was, err := b.Storage(b.ctx, b.project.ID)
		require.NoError(t, err)

		done := b.repack(t)
		require.Equal(t, workspace.Repacked{Packed: len(before) - 1}, done)
		require.Equal(t, before, b.everything(t))
		require.Equal(t, files, b.paths(t, "", ""))
		require.Equal(t, history, b.history(t))
		is, err := b.Storage(b.ctx, b.project.ID)
		require.NoError(t, err)
		require.Less(t, is.History, was.History*3/4, "deltas")
		b.counted(t)
		requireSound(t, b)

		b.commit(t, write("long.txt", text+"0")) // whose objects are packed
		require.Equal(t, text+"0", b.text(t, "long.txt", ""))
		require.Equal(t, text+"30", b.text(t, "long.txt", history[30].Hash))
		b.Workspace = workspace.New(db, b.log)
		require.Equal(t, text+"5", b.text(t, "long.txt", history[55].Hash), "with nothing cached")
		requireSound(t, b)
	})
}

func TestUnreachableObjectsAreDroppedAfterADay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("kept", "kept"))
		tip := b.history(t)[0].Hash
		for i := range 100 {
			b.commit(t, write("f", fmt.Sprint("dropped", i)))
		}
		middle := b.history(t)[50].Hash
		b.repack(t) // into a pack of which little is left
		move := func(name, to string) {
			ctx := storetest.Unchecked(b.ctx)
			n, err := db.Ent.GitRef.Update().SetHash(to).Save(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n, name)
		}
		move("main", tip)
		require.Zero(t, b.repack(t).Dropped, "nothing is a day old")
		b.Workspace = workspace.At(b.Workspace, time.Now().Add(25*time.Hour))
		require.NoError(t, db.Ent.GitRef.Create().SetProjectID(b.project.ID).SetName("refs/checkpoints/1").SetHash(middle).Exec(b.ctx))
		kept := b.repack(t)
		require.Positive(t, kept.Dropped)
		require.NoError(t, func() error {
			_, err := db.Ent.GitRef.Delete().Where().Exec(storetest.Unchecked(b.ctx))
			return err
		}())
		require.NoError(t, db.Ent.GitRef.Create().SetProjectID(b.project.ID).SetName("refs/heads/main").SetHash(tip).Exec(b.ctx))
		b.repack(t)
		require.Len(t, b.everything(t), 3, "a commit, a tree and a file")
		require.Equal(t, "kept", b.text(t, "kept", ""))
		packs, err := db.Ent.GitPack.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Zero(t, packs)
		b.counted(t)
		b.commit(t, write("f", "dropped1"))
		require.Equal(t, "dropped1", b.text(t, "f", ""))
		requireSound(t, b)
	})
}

// A child process repacks until it is killed.
const (
	killedAt      = "ZEBLIT_TEST_REPACK"
	killedProject = "ZEBLIT_TEST_PROJECT"
)

func repackUntilKilled() {
	url := os.Getenv(killedAt)
	open := store.OpenSQLite
	if strings.HasPrefix(url, "postgres") {
		open = store.OpenPostgres
	}
	db, err := open(url)
	if err != nil {
		panic(err)
	}
	logger := slog.New(slog.DiscardHandler)
	w := workspace.At(workspace.New(db, stream.NewLog(db, memory.New(), logger)), time.Now().Add(48*time.Hour))
	ctx := access.As(context.Background(), access.Maintenance)
	fmt.Println("ready")
	for {
		if _, err := workspace.NewRepacker(w, logger).Repack(ctx, os.Getenv(killedProject)); err != nil {
			fmt.Println(err)
		}
	}
}

func TestARepackThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db)
		random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test
		number := 0
		for round := range 8 {
			for range 40 {
				number++
				b.commit(t, write(fmt.Sprintf("f%d", number%9), fmt.Sprint(strings.Repeat("same\n", 50), number)))
			}
			before := b.everything(t)
			cmd := exec.CommandContext(b.ctx, os.Args[0]) //nolint:gosec // this very program
			cmd.Env = append(os.Environ(), killedAt+"="+url, killedProject+"="+b.project.ID)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ready\n", line)
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			require.Equal(t, before, b.everything(t), "round %d", round)
		}
		b.repack(t)
		b.counted(t)
		requireSound(t, b)
	})
}
