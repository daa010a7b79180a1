//go:build linux

package cgroup

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files makes a tree like that of the kernel's, which has no life of its own: what is
// written stays, and folders are made without files in them.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range content {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return root
}

func content(t *testing.T, parts ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(raw)
}

func TestVersionTwo(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{
		"cgroup.controllers":                        "cpu memory pids io",
		"system.slice/z.service/cgroup.controllers": "cpu memory pids",
		"system.slice/z.service/cgroup.procs":       "42\n",
		"system.slice/z.service/cgroup.type":        "domain\n",
	})
	own := filepath.Join(root, "system.slice/z.service")
	// What the kernel would make with a folder.
	for _, group := range []string{leafName, "boxes"} {
		require.NoError(t, os.MkdirAll(filepath.Join(own, group), 0o755))
	}
	h := find(root, "0::/system.slice/z.service\n", "boxes")
	require.Equal(t, 2, h.Version())
	require.Empty(t, h.Why)
	for _, kind := range Kinds() {
		require.True(t, h.Has(kind))
	}
	require.Equal(t, "42", content(t, own, leafName, "cgroup.procs"), "its processes made room")
	require.Equal(t, "+cpu", content(t, own, "cgroup.subtree_control"))

	// Seen from the leaf it is the same.
	require.True(t, find(root, "0::/system.slice/z.service/"+leafName+"\n", "boxes").Has(Memory))

	group, err := h.Make("one", Limits{Memory: 1 << 30, Pids: 100, CPU: 1.5})
	require.NoError(t, err)
	one := filepath.Join(own, "boxes", "one")
	require.Equal(t, "1073741824", content(t, one, "memory.max"))
	require.Equal(t, "100", content(t, one, "pids.max"))
	require.Equal(t, "150000 100000", content(t, one, "cpu.max"))
	require.NoError(t, group.Add(7))
	require.Equal(t, "7", content(t, one, "cgroup.procs"))
	for name, text := range map[string]string{
		"memory.current": "5\n", "memory.peak": "9\n", "memory.events": "low 0\noom 3\noom_kill 2\n", "pids.current": "4\n", "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(one, name), []byte(text), 0o644))
	}
	require.Equal(t, Usage{Memory: 5, MemoryPeak: 9, Pids: 4, OutOfMemory: 2, CPU: 1500 * time.Millisecond}, group.Usage())
}

func TestWhatIsMissingIsTold(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{
		"cgroup.controllers":   "cpu memory pids",
		"s/cgroup.controllers": "memory",
		"s/cgroup.procs":       "",
	})
	h := find(root, "0::/s\n", "boxes")
	require.False(t, h.Has(Pids))
	require.NotEmpty(t, h.Why[Pids])

	h = find(t.TempDir(), "3:memory:/x\n", "boxes")
	require.False(t, h.Has(CPU))
	require.NotEmpty(t, h.Why[CPU])

	group, err := None("switched off").Make("one", Limits{Memory: 1})
	require.NoError(t, err)
	require.NoError(t, group.Add(1))
	require.Equal(t, Usage{Memory: -1, MemoryPeak: -1, CPU: -1, Pids: -1}, group.Usage())
	require.NoError(t, group.Remove())
}

func TestVersionOne(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{"memory/x": "", "pids/x": "", "cpu,cpuacct/x": ""})
	h := find(root, "4:memory:/here\n3:cpu,cpuacct:/\n2:pids:/nowhere/to/be/seen\n", "boxes")
	require.Equal(t, 1, h.Version())
	for _, kind := range Kinds() {
		require.True(t, h.Has(kind), kind)
	}
	_, err := h.Make("one", Limits{Memory: 1 << 30, Pids: 100, CPU: 0.5})
	require.NoError(t, err)
	require.Equal(t, "1073741824", content(t, root, "memory/boxes/one/memory.limit_in_bytes"))
	require.Equal(t, "50000", content(t, root, "cpu,cpuacct/boxes/one/cpu.cfs_quota_us"))
	require.Equal(t, "100", content(t, root, "pids/boxes/one/pids.max"))
}
