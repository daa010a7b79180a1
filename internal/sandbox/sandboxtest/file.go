package sandboxtest

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

func files(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	require.NoError(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: "README.md"}, "# Hello\n",
		packed{tar.Header{Name: "run.sh", Mode: 0o755}, "#!/bin/sh\necho ran\n"},
		packed{tar.Header{Name: "deep/er/file.txt"}, "deep"},
		packed{tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "deep/er"}, ""},
		packed{tar.Header{Name: "outside", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""},
		packed{tar.Header{Name: "empty/", Typeflag: tar.TypeDir}, ""},
		packed{tar.Header{Name: "größe"}, ""},
	)))
	require.Equal(t, "ran", must(t, box, "cd main && ./run.sh"))
	require.Equal(t, "deep", must(t, box, "cat main/link/file.txt"))
	require.Equal(t, "drwxr-xr-x", strings.Fields(must(t, box, "ls -ld main/empty"))[0])

	got := unpack(t, box, "main", "README.md", "deep", "link", "run.sh")
	require.Equal(t, map[string]string{
		"README.md": "# Hello\n", "deep/": "", "deep/er/": "", "deep/er/file.txt": "deep", "link": "-> deep/er", "run.sh": "#!/bin/sh\necho ran\n",
	}, got)
	_, err := get(t, box, "main", "README.md", "missing")
	require.ErrorIs(t, err, sandbox.ErrNoFile)
	_, err = get(t, box, "main", "outside/x")
	require.ErrorIs(t, err, sandbox.ErrNoFile, "a link is no folder")
	_, err = get(t, box, "nowhere", "x")
	require.ErrorIs(t, err, sandbox.ErrNoFolder)

	// A file takes the place of a folder, a folder that of a link, and neither writes
	// through what was there.
	must(t, box, "echo kept >/work/other; ln other main/hard; ln -s /work soft-target; ln -s /work main/soft")
	require.NoError(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: "deep"}, "a file now",
		packed{tar.Header{Name: "link/file.txt"}, "a folder now"},
		packed{tar.Header{Name: "hard"}, "replaced"},
		packed{tar.Header{Name: "soft/other"}, "replaced"},
		packed{tar.Header{Name: "outside"}, "replaced"},
	)))
	require.Equal(t, "kept", must(t, box, "cat /work/other"))
	require.Equal(t, "a file now", must(t, box, "cat main/deep"))
	require.Equal(t, "a folder now", must(t, box, "test ! -L main/link && cat main/link/file.txt"))
	require.Equal(t, "replaced", must(t, box, "test ! -L main/outside && cat main/outside"))

	require.NoError(t, box.Remove(t.Context(), "main", []string{"deep", "link", "missing", "outside/nothing", "soft"}))
	require.Equal(t, "README.md\nempty\ngröße\nhard\noutside\nrun.sh", must(t, box, "ls main"))
	require.NoError(t, box.Remove(t.Context(), "nowhere", []string{"x"}))
	// Deeper than descriptors would reach.
	must(t, box, "cd main; i=0; while [ $i -lt 900 ]; do mkdir d && cd d || exit; i=$((i+1)); done; chmod 0 ../d; cd /work/main && chmod 500 d")
	require.NoError(t, box.Remove(t.Context(), "main", []string{"d"}))
	require.Equal(t, "README.md\nempty\ngröße\nhard\noutside\nrun.sh", must(t, box, "ls -A main"))
	require.NoError(t, box.Remove(t.Context(), "main", []string{"."}))
	require.Equal(t, "other\nsoft-target", must(t, box, "ls"))
	require.ErrorIs(t, box.Remove(t.Context(), "", []string{"."}), sandbox.ErrBadPath)
}

func get(t *testing.T, box sandbox.Sandbox, root string, paths ...string) (map[string]string, error) {
	t.Helper()
	r, err := box.Get(t.Context(), root, paths)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, r.Close()) }()
	got := map[string]string{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // whether it was all, its end tells
			return got, err
		}
		if err != nil {
			return got, err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return got, err
		}
		got[header.Name] = string(content)
		if header.Typeflag == tar.TypeSymlink {
			got[header.Name] = "-> " + header.Linkname
		}
	}
}

func unpack(t *testing.T, box sandbox.Sandbox, root string, paths ...string) map[string]string {
	t.Helper()
	got, err := get(t, box, root, paths...)
	require.NoError(t, err)
	return got
}

func scan(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	list := func(options sandbox.ScanOptions) []sandbox.Entry {
		t.Helper()
		entries, err := box.Scan(t.Context(), "main", options)
		require.NoError(t, err)
		return entries
	}
	_, err := box.Scan(t.Context(), "main", sandbox.ScanOptions{})
	require.ErrorIs(t, err, sandbox.ErrNoFolder)
	must(t, box, "mkdir -p main/sub main/node_modules main/empty && cd main && echo hello >a.txt && printf '#!/bin/sh\n' >b.sh && chmod 700 b.sh && ln -s /etc/passwd link && : >sub/none && echo x >node_modules/x && mkfifo pipe")
	const hello, none, passwd = "ce013625030ba8dba906f756967f9e9ca394464a", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "3594e94c04db171e2767224db355f514b13715c5"
	whole := []sandbox.Entry{
		{Path: "a.txt", Mode: sandbox.Regular, Size: 6, Hash: hello},
		{Path: "b.sh", Mode: sandbox.Executable, Size: 10, Hash: "1a2485251c33a70432394c93fb89330ef214bfc9"},
		{Path: "link", Mode: sandbox.Symlink, Size: 11, Hash: passwd},
		{Path: "node_modules/x", Mode: sandbox.Regular, Size: 2, Hash: "587be6b4c3f93f93c489c0111bba5596147a26cb"},
		{Path: "sub/none", Mode: sandbox.Regular, Size: 0, Hash: none},
	}
	require.Equal(t, whole, list(sandbox.ScanOptions{}))
	require.Equal(t, whole, list(sandbox.ScanOptions{Full: true}))
	skipped := list(sandbox.ScanOptions{Skip: []string{"node_modules", "./b.sh", "sub/"}, MaxFileSize: 5})
	require.Equal(t, []sandbox.Entry{{Path: "a.txt", Mode: sandbox.Regular, Size: 6}, whole[2]}, skipped)

	// What has the same size is still seen to have changed, also at once and with its
	// time set back.
	for range 20 {
		must(t, box, "echo hallo >main/a.txt")
		require.Equal(t, "4cf5aa5f9a644263dbe3d6e78bcbef45487a802c", list(sandbox.ScanOptions{})[0].Hash)
		must(t, box, "echo hello >main/a.txt; touch -d '2001-01-01 00:00:00' main/a.txt")
		require.Equal(t, hello, list(sandbox.ScanOptions{})[0].Hash)
	}
	_, err = box.Scan(t.Context(), "main", sandbox.ScanOptions{MaxEntries: 3})
	require.ErrorIs(t, err, sandbox.ErrTooMany)

	must(t, box, "chmod 0 main/a.txt main/sub")
	require.Len(t, list(sandbox.ScanOptions{Full: true}), 5, "what its owner can't read is read")

	must(t, box, "cd main; i=0; while [ $i -lt 2000 ]; do echo $i >f$i; i=$((i+1)); done; sleep 0.2")
	began := time.Now()
	require.Len(t, list(sandbox.ScanOptions{}), 2005)
	first := time.Since(began)
	began = time.Now()
	require.Len(t, list(sandbox.ScanOptions{}), 2005)
	t.Logf("2 005 files: %s, and %s when nothing changed", first.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
}

// archives that mean harm change nothing.
func archives(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	must(t, box, "mkdir main; echo kept >victim")
	for _, name := range []string{"../victim", "a/../../victim", "/work/victim", "..", "a/..", "a//b", "./../victim"} {
		require.ErrorIs(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: name}, "bad")), sandbox.ErrBadPath, name)
		_, err := get(t, box, "main", name)
		require.ErrorIs(t, err, sandbox.ErrBadPath, name)
		require.ErrorIs(t, box.Remove(t.Context(), "main", []string{name}), sandbox.ErrBadPath, name)
		require.ErrorIs(t, box.Put(t.Context(), name, pack(t, tar.Header{Name: "x"}, "bad")), sandbox.ErrBadPath, name)
	}
	for _, kind := range []byte{tar.TypeLink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo} {
		require.ErrorIs(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: "x", Typeflag: kind, Linkname: "victim"}, "")), sandbox.ErrBadEntry)
	}
	require.ErrorIs(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: "x", Mode: 0o4755}, "x", packed{tar.Header{Name: ".."}, ""})), sandbox.ErrBadPath)
	require.Equal(t, "-rwxr-xr-x", strings.Fields(must(t, box, "ls -l main/x"))[0], "without special bits")
	require.Error(t, box.Put(t.Context(), "main", strings.NewReader("no archive")))
	failing := io.MultiReader(bytes.NewReader(pack(t, tar.Header{Name: "x"}, "y").Bytes()[:700]), failingReader{})
	require.ErrorIs(t, box.Put(t.Context(), "main", failing), errSource)
	require.Equal(t, "kept", must(t, box, "cat victim"))
	require.Equal(t, "main\nvictim", must(t, box, "ls"))
	require.Equal(t, "x", must(t, box, "ls -A main"))
}

var errSource = errors.New("the source failed")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errSource }
