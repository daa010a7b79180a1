package sandboxtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

func stop(t *testing.T, b *Bench) {
	dir := t.TempDir()
	driver := b.Open(t, dir)
	spec := sandbox.Spec{ID: "kept", Labels: map[string]string{sandbox.LabelProject: "prj_1"}, Limits: sandbox.Limits{Disk: 32 << 20}}
	box, err := driver.Create(t.Context(), spec)
	require.NoError(t, err)
	must(t, box, `mkdir -p main/node_modules .git/objects closed && cd main
echo text >file && chmod 600 file && touch -d '2001-02-03 04:05:06' file && ln file node_modules/hard && ln -s ../nowhere soft
printf '#!/bin/sh\necho ran\n' >run && chmod 755 run
printf end | dd of=sparse bs=1 seek=20000000 2>/dev/null
echo locked >../closed/file && chmod 0 ../closed/file && chmod 500 ../closed
touch "a
b"; echo home >~/file; touch -d '2001-02-03 04:05:06' node_modules`)
	before := must(t, box, "ls -laR /work | sed '/^total/d;/ \\.\\.$/d' ; du -s main | cut -f1")
	left := start(t, box, "setsid sleep 501 & echo up; wait")
	line(t, left)
	for range 2 {
		kept, err := box.Stop(t.Context())
		require.NoError(t, err)
		require.Empty(t, kept)
	}
	state, err := box.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.Stopped, state)
	_, err = box.Start(t.Context(), sandbox.Command{Argv: []string{"true"}})
	require.ErrorIs(t, err, sandbox.ErrStopped)
	_, err = box.Scan(t.Context(), "main", sandbox.ScanOptions{})
	require.ErrorIs(t, err, sandbox.ErrStopped)
	_, err = left.Wait(t.Context())
	require.Error(t, err)
	require.NoError(t, left.Close())
	require.NoError(t, driver.Close())

	// Another process finds it as it was.
	driver = b.Open(t, dir)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	found, err := driver.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []sandbox.Found{{ID: "kept", Labels: spec.Labels, State: sandbox.Stopped}}, found)
	_, err = driver.Create(t.Context(), spec)
	require.ErrorIs(t, err, sandbox.ErrExists, "never replaced")
	box, err = driver.Open(t.Context(), "kept")
	require.NoError(t, err)
	state, err = box.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.Stopped, state, "to open isn't to wake")
	began := time.Now()
	require.NoError(t, box.Wake(t.Context()))
	t.Logf("woken in %s", time.Since(began).Round(time.Millisecond))
	require.NoError(t, box.Wake(t.Context()), "once more")
	after := must(t, box, "ls -laR /work | sed '/^total/d;/ \\.\\.$/d' ; du -s main | cut -f1")
	require.Equal(t, withoutTimes(before), withoutTimes(after))
	require.Contains(t, must(t, box, "ls -l main/file; ls -ld main/node_modules"), "2001")
	require.Equal(t, "ran", must(t, box, "main/run"))
	require.Equal(t, "end", must(t, box, "tail -c 3 main/sparse"))
	must(t, box, "echo changed >main/file && grep changed main/node_modules/hard")
	require.Equal(t, "home", must(t, box, "cat ~/file"))
	alone(t, box)
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Less(t, stats.Disk, int64(4<<20), "holes stay holes")
	require.NoError(t, box.Delete(t.Context()))
	state, err = box.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.Deleted, state)
}

// stopDeep stops a sandbox with folders that lie deeper than what is kept: that is told, and
// all else is there when it is woken.
func stopDeep(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	must(t, box, "mkdir main && cd main && echo kept >file; i=0; while [ $i -lt 1000 ]; do mkdir d && cd d && echo $i >f || exit; i=$((i+1)); done")
	left, err := box.Stop(t.Context())
	require.NoError(t, err)
	require.Contains(t, left, `What lies more than 800 folders deep is not kept: of 1 folders, the first of them "main/d/d/`)
	state, err := box.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, sandbox.Stopped, state)
	require.NoError(t, box.Wake(t.Context()))
	require.Equal(t, "kept\n800", must(t, box, "cd main; cat file; i=0; while [ -d d ]; do cd d; i=$((i+1)); done; test ! -e f; echo $i"))
	left, err = box.Stop(t.Context())
	require.NoError(t, err)
	require.Empty(t, left, "what is there now is kept")
}

// withoutTimes leaves out links' times, which some lists give for the whole folder.
func withoutTimes(list string) string {
	var kept []string
	for line := range strings.Lines(list) {
		if !strings.HasSuffix(strings.TrimSpace(line), " .") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func states(t *testing.T, b *Bench) {
	driver := b.driver(t)
	_, err := driver.Open(t.Context(), "none")
	require.ErrorIs(t, err, sandbox.ErrNotFound)
	require.NoError(t, driver.Delete(t.Context(), "none"))
	for _, id := range []string{"", "../x", "a/b", ".", "-x", strings.Repeat("x", 65)} {
		_, err := driver.Create(t.Context(), sandbox.Spec{ID: id})
		require.Error(t, err)
		_, err = driver.Open(t.Context(), id)
		require.Error(t, err)
		require.Error(t, driver.Delete(t.Context(), id))
	}
	one, err := driver.Create(t.Context(), sandbox.Spec{ID: "one"})
	require.NoError(t, err)
	two, err := driver.Create(t.Context(), sandbox.Spec{ID: "two"})
	require.NoError(t, err)
	_, err = driver.Create(t.Context(), sandbox.Spec{ID: "one"})
	require.ErrorIs(t, err, sandbox.ErrExists)
	again, err := driver.Open(t.Context(), "one")
	require.NoError(t, err)
	must(t, one, "echo x >file")
	require.Equal(t, "x", must(t, again, "cat file"))
	require.NotZero(t, shell(t, two, "cat file").Code, "each has its own")
	found, err := driver.List(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.True(t, found[0].Owned)
	require.Equal(t, sandbox.Running, found[0].State)

	p := start(t, one, "sleep 500")
	require.NoError(t, again.Delete(t.Context()))
	require.NoError(t, one.Delete(t.Context()), "once more")
	_, err = p.Next(contextFor(t, 20*time.Second))
	require.ErrorIs(t, err, sandbox.ErrGone)
	_, err = one.Start(t.Context(), sandbox.Command{Argv: []string{"true"}})
	require.ErrorIs(t, err, sandbox.ErrGone)
	_, err = one.Stop(t.Context())
	require.ErrorIs(t, err, sandbox.ErrGone)
	require.ErrorIs(t, one.Wake(t.Context()), sandbox.ErrGone)
	_, err = driver.Open(t.Context(), "one")
	require.ErrorIs(t, err, sandbox.ErrNotFound)
	require.Equal(t, "fine", must(t, two, "echo fine"))

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = two.Start(canceled, sandbox.Command{Argv: []string{"true"}})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, two.Delete(t.Context()))
}

// What a process is told that is to be killed.
const (
	ownerDir   = "ZEBLIT_TEST_SANDBOX_OWNER"
	ownerSleep = "ZEBLIT_TEST_SANDBOX_SLEEP"
)

// Own makes this process one that has a sandbox until it is killed, where a test has
// started it so. To be called first by a package's TestMain.
func Own(open func(dir string) (sandbox.Driver, error)) {
	dir := os.Getenv(ownerDir)
	if dir == "" {
		return
	}
	if err := own(dir, open); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func own(dir string, open func(dir string) (sandbox.Driver, error)) error {
	driver, err := open(dir)
	if err != nil {
		return err
	}
	box, err := driver.Create(context.Background(), sandbox.Spec{ID: "owned", Labels: map[string]string{sandbox.LabelNode: "other"}})
	if err != nil {
		return err
	}
	script := strings.ReplaceAll("echo mine >/work/file; setsid sleep LONG & (setsid sleep LONG &) ; sleep LONG", "LONG", os.Getenv(ownerSleep))
	if _, err := box.Start(context.Background(), sandbox.Command{Argv: []string{"sh", "-c", script}}); err != nil {
		return err
	}
	fmt.Println("owns")
	_, err = io.Copy(io.Discard, os.Stdin) // until it is killed, or the test ends
	return err
}

func owner(t *testing.T, b *Bench) {
	dir := t.TempDir()
	driver := b.Open(t, dir)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), ownerDir+"="+dir, ownerSleep+"="+mine(654))
	other.Stderr = os.Stderr
	in, err := other.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close() })
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "owns\n", said)

	// While it lives, it is its own.
	found, err := driver.List(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.True(t, found[0].Owned)
	require.Equal(t, sandbox.Running, found[0].State)
	require.Equal(t, "other", found[0].Labels[sandbox.LabelNode])
	_, err = driver.Create(t.Context(), sandbox.Spec{ID: "owned"})
	require.ErrorIs(t, err, sandbox.ErrExists)
	_, err = driver.Open(t.Context(), "owned")
	require.ErrorIs(t, err, sandbox.ErrUnreachable)
	require.ErrorIs(t, driver.Delete(t.Context(), "owned"), sandbox.ErrUnreachable)

	require.NoError(t, other.Process.Kill())
	require.Error(t, other.Wait())
	require.Eventually(t, func() bool {
		found, err = driver.List(t.Context())
		return err == nil && len(found) == 1 && !found[0].Owned
	}, time.Minute, 50*time.Millisecond)
	if b.Survives {
		require.Equal(t, sandbox.Running, found[0].State)
		box, err := driver.Open(t.Context(), "owned")
		require.NoError(t, err)
		require.Equal(t, "mine", must(t, box, "cat /work/file"), "its files are there")
		alone(t, box)
	} else {
		require.Equal(t, sandbox.Deleted, found[0].State, "its files are lost, which is said")
		_, err = driver.Open(t.Context(), "owned")
		require.ErrorIs(t, err, sandbox.ErrGone)
	}
	_, err = driver.Create(t.Context(), sandbox.Spec{ID: "owned"})
	require.ErrorIs(t, err, sandbox.ErrExists, "never replaced in silence")
	if b.Host {
		require.Eventually(t, func() bool { return len(hostProcesses(t, "sleep", mine(654))) == 0 }, time.Minute, 20*time.Millisecond, "nobody of it is left")
	}
	require.NoError(t, driver.Delete(t.Context(), "owned"))
	found, err = driver.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	box, err := driver.Create(t.Context(), sandbox.Spec{ID: "owned"})
	require.NoError(t, err)
	require.NotZero(t, shell(t, box, "cat /work/file").Code)
	require.NoError(t, box.Delete(t.Context()))
}
