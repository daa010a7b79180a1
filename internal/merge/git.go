package merge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// gitTime is how long one command may take.
	gitTime = 60 * time.Second
	// gitOutput is how much of a command's output is read, in bytes.
	gitOutput = 32 << 20
)

// git is the program. What it works on comes from projects and may be hostile: it runs
// in a folder of its own, without anybody's settings, and a repository's attributes can't
// name commands, since drivers are settings too.
type git struct{ program string }

// repository is a bare repository in a temporary folder, without hooks or settings.
type repository struct {
	program, home, dir string
}

// errNoGit says that merges that need git can't be made here.
var errNoGit = problem.New(problem.Unavailable, "these branches both have changes, and merging them needs the program git (2.38 or later), which isn't installed where Zeblit's workers run")

func (g git) repository() (*repository, error) {
	if g.program == "" {
		return nil, errNoGit
	}
	home, err := os.MkdirTemp("", "zeblit-merge-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to merge in: %w", err)
	}
	r := &repository{program: g.program, home: home, dir: filepath.Join(home, "repository.git")}
	for _, folder := range []string{"objects/pack", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(r.dir, folder), 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("make a repository to merge in: %w", err), r.remove())
		}
	}
	for name, text := range map[string]string{
		"HEAD":   "ref: refs/heads/none\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\thooksPath = /dev/null\n[gc]\n\tauto = 0\n",
	} {
		if err := r.put(name, text); err != nil {
			return nil, errors.Join(err, r.remove())
		}
	}
	return r, nil
}

func (r *repository) put(name, text string) error {
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s of a repository to merge in: %w", name, err)
	}
	return nil
}

func (r *repository) remove() error { return os.RemoveAll(r.home) }

// run runs a command and returns what it put out and its exit code. One that can't be
// run, is cut off or says more than is read is an error.
func (r *repository) run(ctx context.Context, stdin io.Reader, args ...string) (out []byte, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.program, args...) //nolint:gosec // the program is the operator's, the arguments are ours
	cmd.Dir, cmd.Stdin = r.home, stdin
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.home, "XDG_CONFIG_HOME=" + r.home, "TMPDIR=" + r.home, "LC_ALL=C", "GIT_DIR=" + r.dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		"GIT_AUTHOR_NAME=Zeblit", "GIT_AUTHOR_EMAIL=zeblit@localhost", "GIT_COMMITTER_NAME=Zeblit", "GIT_COMMITTER_EMAIL=zeblit@localhost",
	}
	// All that it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	stdout, stderr := &limited{left: gitOutput}, &limited{left: 4 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		code, err = exit.ExitCode(), nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, 0, fmt.Errorf("git %s was cut off: %w", args[0], context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return nil, 0, errNoGit
	case err != nil:
		return nil, 0, fmt.Errorf("git %s: %w: %s", args[0], err, stderr.Bytes())
	case stdout.over:
		return nil, 0, problem.New(problem.PreconditionFailed, "the branches differ by more than a merge can tell of")
	case code != 0 && stdout.Len() == 0:
		return nil, code, fmt.Errorf("git %s ended with %d: %s", args[0], code, stderr.Bytes())
	}
	return stdout.Bytes(), code, nil
}

// limited keeps the beginning of what is written.
type limited struct {
	bytes.Buffer
	left int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.over = l.over || n < len(p)
	_, _ = l.Buffer.Write(p[:n])
	return len(p), nil
}
