package bubblewrap_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/bubblewrap"
	"github.com/zeblit/zeblit/internal/sandbox/inside"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	if inside.Called(os.Args) {
		os.Exit(inside.Main(os.Args)) // the tests' own program serves as well
	}
	sandboxtest.Own(func(dir string) (sandbox.Driver, error) { return bubblewrap.New(bubblewrap.Config{Dir: dir}) })
	goleak.VerifyTestMain(m, goleak.Cleanup(sandboxtest.Exit))
}

func open(t *testing.T, dir string) sandbox.Driver {
	t.Helper()
	driver, err := bubblewrap.New(bubblewrap.Config{Dir: dir, Inside: sandboxtest.Program(t)})
	require.NoError(t, err)
	return driver
}

func TestDriver(t *testing.T) {
	t.Parallel()
	sandboxtest.Run(t, sandboxtest.Bench{Open: open, Host: true})
}

func TestEscape(t *testing.T) {
	sandboxtest.Escape(t, sandboxtest.Bench{Open: open, Host: true})
}
