// Package sandboxtest is the suite that every sandbox driver passes, and what its tests
// need.
package sandboxtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// built is the folder of the program, empty before it was built.
var built string

// Built names a variable with a program that was built before, by tests that start
// tests.
const Built = "ZEBLIT_TEST_SANDBOX_PROGRAM"

var build = sync.OnceValues(func() (string, error) {
	if given := os.Getenv(Built); given != "" {
		return given, nil
	}
	dir, err := os.MkdirTemp("", "zeblit-inside-test-")
	if err != nil {
		return "", err
	}
	built = dir
	program := filepath.Join(dir, "inside")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "github.com/zeblit/zeblit/internal/sandbox/sandboxtest/program")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program for the inside: %w: %s", err, out)
	}
	return program, nil
})

// Program is a static program for the inside of sandboxes, built once. Exit removes it.
func Program(t testing.TB) string {
	t.Helper()
	program, err := build()
	require.NoError(t, err)
	return program
}

// Exit ends a package's tests.
func Exit(code int) {
	if built != "" {
		_ = os.RemoveAll(built) // what stays is in no one's way
	}
	os.Exit(code)
}
