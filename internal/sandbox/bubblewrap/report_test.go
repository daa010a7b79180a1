package bubblewrap_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckTellsWhatIsolates(t *testing.T) {
	t.Parallel()
	driver := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	report, err := driver.Check(t.Context())
	t.Logf("\n%s", report)
	require.NoError(t, err)
	on := map[string]bool{}
	for _, m := range report.Measures {
		on[m.Name] = m.On
	}
	for _, name := range []string{
		"user namespace", "pid namespace", "mnt namespace", "ipc namespace", "uts namespace", "net namespace", "cgroup namespace",
		"no privileges", "read-only system", "no network", "system calls", "disk limit",
	} {
		require.True(t, on[name], name)
	}
	found, err := driver.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, found, "the trial is gone")
}
