package sandboxtest

import (
	"archive/tar"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// links are not followed by work with files.
func links(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	must(t, box, `mkdir -p main other/deep && echo secret >other/secret && cd main && ln -s ../other out && ln -s /work/other abs && ln -s ../other/secret file && ln -s /etc etc && ln -s . self && ln -s loop loop && ln -s /proc/self/root root && ln ../other/secret hard`)
	for _, name := range []string{"out/secret", "abs/secret", "etc/passwd", "self/hard", "loop/x", "root/etc/passwd", "file/x"} {
		_, err := get(t, box, "main", name)
		require.ErrorIs(t, err, sandbox.ErrNoFile, name)
		require.NoError(t, box.Remove(t.Context(), "main", []string{name}), "nothing is there")
	}
	_, err := get(t, box, "main/out", "secret")
	require.ErrorIs(t, err, sandbox.ErrNoFolder)
	_, err = box.Scan(t.Context(), "main/out", sandbox.ScanOptions{})
	require.ErrorIs(t, err, sandbox.ErrNoFolder)
	entries, err := box.Scan(t.Context(), "main", sandbox.ScanOptions{})
	require.NoError(t, err)
	require.Len(t, entries, 8)
	for _, entry := range entries {
		require.True(t, entry.Mode == sandbox.Symlink || entry.Path == "hard", entry.Path)
	}
	require.NoError(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: "out/secret"}, "mine",
		packed{tar.Header{Name: "abs/deep/x"}, "mine"}, packed{tar.Header{Name: "hard"}, "mine"}, packed{tar.Header{Name: "file"}, "mine"},
		packed{tar.Header{Name: "etc/passwd"}, "mine"}, packed{tar.Header{Name: "root/tmp/x"}, "mine"})))
	require.Equal(t, "secret\ndeep\nsecret", must(t, box, "cat other/secret; ls other; test ! -e /tmp/x && test -z \"$(ls other/deep)\""))
	require.NoError(t, box.Put(t.Context(), "main/out/deep", pack(t, tar.Header{Name: "x"}, "mine")))
	require.Equal(t, "mine", must(t, box, "test ! -L main/out && cat main/out/deep/x"))
	must(t, box, "rm -r main/out && ln -s ../other main/out")
	require.NoError(t, box.Remove(t.Context(), "main", []string{"out", "."}))
	require.Equal(t, "secret", must(t, box, "cat other/secret"))
}

// races of a process that swaps links with all work on files.
func races(t *testing.T, b *Bench) {
	box := b.armed(t, sandbox.Limits{})
	const long = 4 * time.Second
	p, err := box.Start(t.Context(), sandbox.Command{Argv: []string{"/work/tools/try", "swap", long.String()}})
	require.NoError(t, err)
	require.Equal(t, "ready", line(t, p))
	allowed := func(what string, err error) {
		t.Helper()
		for _, may := range []error{nil, sandbox.ErrChanged, sandbox.ErrNoFile, sandbox.ErrNoFolder} {
			if errors.Is(err, may) {
				return
			}
		}
		require.NoError(t, err, what)
	}
	rounds := 0
	for until := time.Now().Add(long - 500*time.Millisecond); time.Now().Before(until); rounds++ {
		allowed("put", box.Put(t.Context(), "main", pack(t, tar.Header{Name: "folder/x"}, "fresh",
			packed{tar.Header{Name: "link/x"}, "fresh"}, packed{tar.Header{Name: "file"}, "fresh"}, packed{tar.Header{Name: "soft"}, "fresh"},
			packed{tar.Header{Name: "hard"}, "fresh"}, packed{tar.Header{Name: "folder/deep/er/x"}, "fresh"})))
		for _, name := range []string{"folder", "link", "file", "folder/x", "link/x"} {
			got, err := get(t, box, "main", name)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				allowed("get", err)
			}
			for path, content := range got {
				require.NotEqual(t, "secret", content, path)
			}
		}
		entries, err := box.Scan(t.Context(), "main", sandbox.ScanOptions{Full: rounds%2 == 0})
		allowed("scan", err)
		for _, entry := range entries {
			require.NotContains(t, entry.Path, "secret")
		}
		allowed("remove", box.Remove(t.Context(), "main", []string{"folder/x", "link/x", "hard", "soft", "link", "folder"}))
	}
	t.Logf("%d rounds", rounds)
	require.Zero(t, wait(t, p).Code)
	require.NoError(t, p.Close())
	require.Equal(t, "secret\nsecret\nsecret\nx", must(t, box, "cat other/secret other/x | sed 's/secretsecret/secret\\nsecret/'; echo; ls other"))
}
