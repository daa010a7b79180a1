package bubblewrap_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/bubblewrap"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

func output(t *testing.T, box sandbox.Sandbox, argv ...string) (string, sandbox.Exit) {
	t.Helper()
	var out bytes.Buffer
	exit, err := sandbox.Run(t.Context(), box, sandbox.Command{Argv: argv, Timeout: time.Minute}, func(c sandbox.Chunk) error {
		out.Write(c.Data)
		return nil
	})
	require.NoError(t, err)
	return strings.TrimSpace(out.String()), exit
}

func TestToolsOfTheHostWork(t *testing.T) {
	t.Parallel()
	driver := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "tools"})
	require.NoError(t, err)
	for _, script := range []string{
		"git init -q repo && cd repo && git config user.email a@b && git config user.name a && echo x >f && git add f && git commit -qm m && git log --oneline | wc -l",
		`node -e 'const s = require("http").createServer((q, r) => r.end("served")); s.listen(0, "127.0.0.1", () => fetch("http://127.0.0.1:" + s.address().port).then(r => r.text()).then(x => { console.log(x); process.exit() }))'`,
		"go version && printf 'package main\n' | gofmt && python3 -c 'import json, multiprocessing; multiprocessing.Lock(); print(1)'",
	} {
		out, exit := output(t, box, "sh", "-c", script)
		require.Zero(t, exit.Code, "%s: %s", script, out)
	}
	// Nothing of the host's but its programs.
	out, _ := output(t, box, "sh", "-c", "ls /; ls /etc /usr/local/etc 2>/dev/null; cat /etc/passwd")
	for _, absent := range []string{"root:x:0:0:root:/root", "shadow", "home\n", "var\n", "srv\n", "sys\n", "boot\n"} {
		require.NotContains(t, out+"\n", absent)
	}
	out, _ = output(t, box, "sh", "-c", "id -u; cat /proc/self/uid_map")
	require.Regexp(t, `^1000\n\s+1000\s+0\s+1$`, out, "as the namespace's parent, a user of its own, sees it")
}

// A control group's absence is told, and what there is in its place limits processes.
func TestWithoutControlGroups(t *testing.T) {
	t.Parallel()
	driver, err := bubblewrap.New(bubblewrap.Config{Dir: t.TempDir(), Inside: sandboxtest.Program(t), NoGroups: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	report, err := driver.Check(t.Context())
	require.NoError(t, err)
	off := map[string]string{}
	for _, m := range report.Off() {
		off[m.Name] = m.How
	}
	require.Contains(t, off["memory limit"], "switched off: each process is limited")
	require.Contains(t, off["cpu limit"], "lower priority")
	require.Contains(t, off, "number of files")
	require.NotContains(t, off, "process limit")

	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "bare", Limits: sandbox.Limits{Memory: 256 << 20, Pids: 64}})
	require.NoError(t, err)
	out, exit := output(t, box, "sh", "-c", "nice; tail /dev/zero")
	require.NotZero(t, exit.Code)
	require.False(t, exit.OutOfMemory, "which isn't known")
	require.Contains(t, out, "10")
	_, exit = output(t, box, "sh", "-c", "i=0; while [ $i -lt 100 ]; do sleep 300 & i=$((i+1)); done")
	require.NotZero(t, exit.Code, "it couldn't start all of them")
	out, exit = output(t, box, "node", "-e", "console.log(1)")
	require.Zero(t, exit.Code, out)
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(-1), stats.Memory)
}

// The tests of this package, by a user without rights.
func TestAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // then all other tests are just that
	}
	const user = 65534
	dir, err := os.MkdirTemp("", "zeblit-ordinary-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chown(dir, user, user))
	copied := filepath.Join(dir, "tests")
	for from, to := range map[string]string{os.Args[0]: copied, sandboxtest.Program(t): filepath.Join(dir, "inside")} {
		// By another process: one of ours that is about to become another program would
		// hold it open for writing.
		require.NoError(t, exec.Command("cp", from, to).Run())
		require.NoError(t, os.Chmod(to, 0o755))
		require.NoError(t, os.Chown(to, user, user))
	}
	tests := exec.Command(copied, "-test.run=^TestDriver$/^(Commands|Trees|Stop|Owner|Errors)$", "-test.v")
	tests.Dir = dir
	tests.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "HOME=" + dir, sandboxtest.Built + "=" + filepath.Join(dir, "inside")}
	tests.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := tests.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, 5, strings.Count(string(out), "    --- PASS: TestDriver/"), "%s", out)
}

// What a sandbox costs this machine while it does nothing.
func TestAnIdleSandboxIsSmall(t *testing.T) {
	t.Parallel()
	driver := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	const many = 10
	began := time.Now()
	for i := range many {
		_, err := driver.Create(t.Context(), sandbox.Spec{ID: "idle-" + strconv.Itoa(i)})
		require.NoError(t, err)
	}
	box, err := driver.Open(t.Context(), "idle-0")
	require.NoError(t, err)
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	t.Logf("%d sandboxes made in %s; one takes %d kB", many, time.Since(began).Round(time.Millisecond), stats.Memory>>10)
	require.Less(t, stats.Memory, int64(12<<20))
}
