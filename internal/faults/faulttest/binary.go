package faulttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Build makes the program with the crash points in it, in dir, and returns its path.
// The module is the one that this file was compiled from, unless source names another.
func Build(dir, source string) (string, error) {
	args := []string{"build", "-tags", "faults", "-ldflags", "-s -w"}
	if source != "" {
		args = append(args, "-trimpath") // what was compiled of one tree serves the next
	} else {
		_, file, _, ok := runtime.Caller(0)
		if !ok || !filepath.IsAbs(file) {
			return "", fmt.Errorf("build: where the source is isn't known (was this built with -trimpath?)")
		}
		source = filepath.Join(filepath.Dir(file), "../../..")
	}
	binary := filepath.Join(dir, "zeblit-faults")
	cmd := exec.Command("go", append(args, "-o", binary, "./cmd/zeblit")...)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return binary, nil
}
