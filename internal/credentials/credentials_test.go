package credentials_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/credentials"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "zeblit", "config.json")
	c, tightened, err := credentials.Load(path)
	require.NoError(t, err)
	require.False(t, tightened)
	require.Empty(t, c.Servers)

	server := credentials.Server{APIKey: "zbl_1", KeyID: "key_1", User: "alice@example.com"}
	require.NoError(t, credentials.Update(path, func(c *credentials.Config) {
		c.Servers["https://a.example"], c.Default = server, "https://a.example"
	}))
	for file, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
	c, _, err = credentials.Load(path)
	require.NoError(t, err)
	require.Equal(t, credentials.Config{Default: "https://a.example", Servers: map[string]credentials.Server{"https://a.example": server}}, c)
}

func TestUpdatesAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.json")
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			err := credentials.Update(path, func(c *credentials.Config) {
				c.Servers[fmt.Sprintf("https://%d.example", n)] = credentials.Server{APIKey: "zbl"}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	c, _, err := credentials.Load(path)
	require.NoError(t, err)
	require.Len(t, c.Servers, 20)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".config-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAFileThatOthersCanReadIsTightened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"servers":{}}`), 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	_, tightened, err := credentials.Load(path)
	require.NoError(t, err)
	require.True(t, tightened)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, tightened, err = credentials.Load(path)
	require.NoError(t, err)
	require.False(t, tightened)
}

func TestADamagedFileIsNotOverwritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"servers":`), 0o600))
	_, _, err := credentials.Load(path)
	require.ErrorContains(t, err, "is damaged")
	require.ErrorContains(t, credentials.Update(path, func(*credentials.Config) {}), "is damaged")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `{"servers":`, string(raw))
}

func TestCanonicalAddresses(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		" http://LocalHost:80/ ":        "http://localhost",
		"HTTPS://Zeblit.Example:443/a/": "https://zeblit.example/a",
		"https://zeblit.example:80":     "https://zeblit.example:80",
		"http://[::1]:8080":             "http://[::1]:8080",
	} {
		got, err := credentials.Canonical(given)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "zeblit.example", "ftp://x", "http://", "http://u:p@x", "http://x?y", "http://x#y", "http://[::1"} {
		_, err := credentials.Canonical(bad)
		require.Error(t, err, bad)
	}
}

func TestTheFileIsInTheXDGFolder(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/xdg")
	path, err := credentials.Path()
	require.NoError(t, err)
	require.Equal(t, "/xdg/zeblit/config.json", path)
	t.Setenv("HOME", "/people/alice")
	for _, unset := range []string{"", "relative"} {
		t.Setenv("XDG_CONFIG_HOME", unset)
		path, err = credentials.Path()
		require.NoError(t, err)
		require.Equal(t, "/people/alice/.config/zeblit/config.json", path)
	}
}
