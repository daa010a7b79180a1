package sandboxtest

import (
	"archive/tar"
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

func memory(t *testing.T, b *Bench) {
	driver := b.driver(t)
	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "box", Limits: sandbox.Limits{Memory: 128 << 20, Disk: 16 << 20}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, box.Delete(context.Background())) })
	r := shell(t, box, "tail /dev/zero") // keeps a line that never ends
	require.NotZero(t, r.Code)
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	if measured(t, driver, "memory limit") {
		require.True(t, r.OutOfMemory)
		require.Positive(t, stats.OutOfMemory)
		require.LessOrEqual(t, stats.MemoryPeak, int64(129<<20), "what the kernel needs at once it takes beyond the limit")
		t.Logf("killed at %d MB of 128", stats.MemoryPeak>>20)
		// Several that are each within it, together aren't.
		r = shell(t, box, "for i in 1 2 3 4 5; do (head -c 60000000 /dev/zero | tail) & done; wait")
		require.True(t, r.OutOfMemory)
	}
	require.Equal(t, "fine", must(t, box, "echo fine"), "only commands are killed")
}

func processes(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{Pids: 64})
	p := start(t, box, "i=0; while [ $i -lt 200 ]; do sleep 300 & i=$((i+1)); done; wait")
	exit, err := p.Wait(contextFor(t, 5*time.Second))
	if err == nil {
		require.NotZero(t, exit.Code, "it couldn't start all of them")
	}
	var stats sandbox.Stats
	require.Eventually(t, func() bool {
		stats, err = box.Stats(t.Context())
		return err == nil && stats.Processes > 15 // what runs inside has threads, which count
	}, time.Minute, 50*time.Millisecond)
	require.LessOrEqual(t, stats.Processes, 64)
	for range 64 {
		var more sandbox.Process
		if more, err = box.Start(t.Context(), sandbox.Command{Argv: []string{"sleep", "300"}}); err != nil {
			break
		}
		defer func() { require.NoError(t, more.Close()) }()
	}
	require.ErrorIs(t, err, sandbox.ErrNoResources)
	require.NoError(t, p.Close())
	require.Equal(t, "fine", must(t, box, "echo fine"))
}

func contextFor(t *testing.T, patience time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func cpu(t *testing.T, b *Bench) {
	driver := b.driver(t)
	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "box", Limits: sandbox.Limits{CPU: 0.25}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, box.Delete(context.Background())) })
	if !measured(t, driver, "cpu limit") {
		return
	}
	p := start(t, box, "while :; do :; done & while :; do :; done & echo up; wait")
	line(t, p)
	began := time.Now()
	before, err := box.Stats(t.Context())
	require.NoError(t, err)
	time.Sleep(2 * time.Second)
	after, err := box.Stats(t.Context())
	require.NoError(t, err)
	took := time.Since(began)
	share := float64(after.CPU-before.CPU) / float64(took)
	t.Logf("two loops had %.2f of a core, 0.25 are allowed", share)
	require.Less(t, share, 0.4)
	require.Greater(t, share, 0.02)
}

func disk(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{Disk: 8 << 20, FileSize: 6 << 20})
	r := shell(t, box, "head -c 4000000 /dev/zero >a && head -c 4000000 /dev/zero >b; head -c 4000000 /dev/zero >c")
	require.NotZero(t, r.Code)
	require.NotEmpty(t, r.err)
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(8<<20), stats.DiskLimit)
	require.LessOrEqual(t, stats.Disk, stats.DiskLimit)
	archive := pack(t, tar.Header{Name: "big", Size: 5 << 20}, string(make([]byte, 5<<20)))
	require.ErrorIs(t, box.Put(t.Context(), "main", archive), sandbox.ErrDiskFull)
	require.Empty(t, must(t, box, "ls -A /work/main"), "half a file is none")
	must(t, box, "rm a b c")
	require.NoError(t, box.Put(t.Context(), "main", pack(t, tar.Header{Name: "small", Size: 3}, "abc")))

	r = shell(t, box, "head -c 7000000 /dev/zero >large")
	require.NotZero(t, r.Code, "larger than one file may be")
	require.NotZero(t, shell(t, box, "rm -f large; head -c 3000000 /dev/zero >/tmp/x").Code, "nor is there room elsewhere")
	require.NotZero(t, shell(t, box, "for i in 1 2 3 4 5; do head -c 5000000 /dev/zero >/dev/shm/x$i || exit; done").Code)
	must(t, box, "rm -f /tmp/x /dev/shm/x*")
	require.Equal(t, "fine", must(t, box, "echo fine"))
}

type packed struct {
	tar.Header
	content string
}

// pack makes an archive of a header and its content, or of several.
func pack(t *testing.T, header tar.Header, content string, more ...packed) *bytes.Buffer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range append([]packed{{header, content}}, more...) {
		if file.Typeflag == 0 {
			file.Typeflag = tar.TypeReg
		}
		if file.Mode == 0 {
			file.Mode = 0o644
		}
		file.Size = int64(len(file.content))
		require.NoError(t, w.WriteHeader(&file.Header))
		_, err := w.Write([]byte(file.content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &archive
}
