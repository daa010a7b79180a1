package engine_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/engine"
	"github.com/zeblit/zeblit/internal/sandbox/enginetest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// What a process that is to be killed needs to know of this one.
const (
	hostVariable   = "ZEBLIT_TEST_ENGINE"
	insideVariable = "ZEBLIT_TEST_INSIDE"
)

func TestMain(m *testing.M) {
	sandboxtest.Own(func(dir string) (sandbox.Driver, error) {
		return engine.New(engine.Config{Host: os.Getenv(hostVariable), Image: enginetest.Image, Dir: dir, Inside: os.Getenv(insideVariable)})
	})
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := enginetest.Stop(); err != nil {
			fmt.Println("stop the engine:", err)
			code = 1
		}
		sandboxtest.Exit(code)
	}))
}

func open(t *testing.T, dir string) sandbox.Driver {
	t.Helper()
	driver, err := engine.New(engine.Config{Host: enginetest.Host(t), Image: enginetest.Image, Dir: dir, Inside: sandboxtest.Program(t)})
	require.NoError(t, err)
	return driver
}

func TestDriver(t *testing.T) {
	require.NoError(t, os.Setenv(hostVariable, enginetest.Host(t)))
	require.NoError(t, os.Setenv(insideVariable, sandboxtest.Program(t)))
	sandboxtest.Run(t, sandboxtest.Bench{Open: open, Survives: true, Host: true})
}

func TestCheckTellsWhatIsolates(t *testing.T) {
	driver := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	report, err := driver.Check(t.Context())
	t.Logf("\n%s", report)
	require.NoError(t, err)
}

func TestEscape(t *testing.T) {
	sandboxtest.Escape(t, sandboxtest.Bench{Open: open, Survives: true, Host: true})
}
