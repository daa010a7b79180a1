package workspace_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// noise is text that hardly gets smaller by being deflated.
func noise(size int) string {
	raw := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(raw)
	return base64.StdEncoding.EncodeToString(raw)[:size]
}

func TestLargeFilesAreDescribedWithoutTheirContent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		const size = workspace.MaxText + workspace.MaxText/2
		long, runes := noise(size), strings.Repeat("aé€😀", size/10)
		contents := map[string]string{
			"at the limit": long[:workspace.MaxText], "noise": long,
			"runes 0": runes, "runes 1": "x" + runes, "runes 2": "xx" + runes, "runes 3": "xxx" + runes,
			"cut off": runes[:len(runes)-1], "wrong end": long + "\xff", "wrong middle": long + "\xe2\x82" + long, "surrogate": long + "\xed\xa0\x80",
			"null early": long[:7999] + "\x00" + long, "null late": long[:8000] + "\x00" + long,
			"bytes": string(bytes.Repeat([]byte{0, 1, 0xff}, size/3)),
		}
		var changes []workspace.Change
		for path, content := range contents {
			changes = append(changes, workspace.Change{Path: path, Content: &content})
		}
		b.commit(t, changes...)
		files, _, err := b.Files(b.ctx, b.project.ID, "", "", "", 100)
		require.NoError(t, err)
		require.Len(t, files, len(contents))
		for _, listed := range files {
			content := contents[listed.Path]
			require.Len(t, content, listed.Size, listed.Path)
			require.Equal(t, strings.IndexByte(content[:8000], 0) >= 0 || !utf8.ValidString(content), listed.IsBinary, listed.Path)
			require.Equal(t, workspace.RevisionOf(content), listed.Revision)

			one, err := b.Look(b.ctx, b.project.ID, listed.Path, "")
			require.NoError(t, err)
			require.Equal(t, listed.Path == "at the limit", one.Text != nil, listed.Path)
			one.Text = nil
			require.Equal(t, listed, *one)
		}
	})
}

func TestALargeFileIsDescribedWithLittleMemory(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	for _, db := range []*store.DB{storetest.SQLite(t), storetest.Postgres(t)} {
		b := setup(t, db)
		const size = 16 << 20
		text := strings.Repeat("All work and no play makes Jack a dull boy.\n", size/44)
		movie := "\x00" + noise(size)
		b.commit(t, write("text", text), write("movie", movie))
		for _, path := range []string{"text", "movie"} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			file, err := b.Look(b.ctx, b.project.ID, path, "")
			require.NoError(t, err)
			runtime.ReadMemStats(&after)
			require.Nil(t, file.Text)
			require.Equal(t, path == "movie", file.IsBinary)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/8), "%s on %s", path, db.Dialect)
		}
	}
}
