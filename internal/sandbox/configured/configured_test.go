package configured_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/configured"
	"github.com/zeblit/zeblit/internal/sandbox/enginetest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := enginetest.Stop(); err != nil {
			fmt.Println("stop the engine:", err)
			code = 1
		}
		sandboxtest.Exit(code)
	}))
}

func choose(t *testing.T, config configured.Config) (sandbox.Driver, sandbox.Report, error) {
	t.Helper()
	config.Dir, config.Inside = t.TempDir(), sandboxtest.Program(t)
	driver, report, err := configured.Choose(t.Context(), config)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	return driver, report, err
}

func TestBubblewrapIsChosenWhereItWorks(t *testing.T) {
	driver, report, err := choose(t, configured.Config{})
	require.NoError(t, err)
	require.Equal(t, "bubblewrap", driver.Name())
	require.Equal(t, "bubblewrap", report.Driver)
	require.Contains(t, report.String(), "no network")
	require.Contains(t, report.LogValue().String(), "no network")
}

func TestTheEngineIsChosenWhereItIsNamed(t *testing.T) {
	host := enginetest.Host(t)
	driver, _, err := choose(t, configured.Config{Mode: configured.Docker, EngineHost: host, Image: enginetest.Image})
	require.NoError(t, err)
	require.Equal(t, "docker", driver.Name())

	t.Setenv("PATH", os.DevNull) // no bwrap
	// The program for the inside was built by now.
	driver, _, err = choose(t, configured.Config{EngineHost: host, Image: enginetest.Image})
	require.NoError(t, err)
	require.Equal(t, "docker", driver.Name())
	_, _, err = choose(t, configured.Config{Mode: configured.Bubblewrap, EngineHost: host, Image: enginetest.Image})
	require.ErrorIs(t, err, sandbox.ErrUnavailable, "what was asked for isn't replaced by another")
}

func TestNothingRunsWithoutASandbox(t *testing.T) {
	t.Setenv("PATH", os.DevNull)
	for name, config := range map[string]configured.Config{
		"off":        {Mode: configured.Off},
		"nonsense":   {Mode: "chroot"},
		"bubblewrap": {Mode: configured.Bubblewrap},
		"docker":     {Mode: configured.Docker, EngineHost: "unix:///nowhere/socket"},
		"auto":       {EngineHost: "unix:///nowhere/socket"},
		"no engine":  {},
	} {
		driver, _, err := choose(t, config)
		require.ErrorIs(t, err, sandbox.ErrUnavailable, name)
		t.Logf("%s: %v", name, err)
		_, err = driver.Create(context.Background(), sandbox.Spec{ID: "x"})
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
		_, err = driver.Open(context.Background(), "x")
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
		_, err = driver.List(context.Background())
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
		require.ErrorIs(t, driver.Delete(context.Background(), "x"), sandbox.ErrUnavailable)
		_, err = driver.Check(context.Background())
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
		require.Equal(t, "none", driver.Name())
	}
}
