package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

func commands(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	r := shell(t, box, "echo out; echo err >&2; exit 7")
	require.Equal(t, 7, r.Code)
	require.Empty(t, r.Signal)
	require.Equal(t, "out\n", r.out)
	require.Equal(t, "err\n", r.err)

	require.Equal(t, "hello", must(t, box, `echo "$GREETING"`))
	require.Equal(t, "/work", must(t, box, "pwd"))
	must(t, box, "mkdir -p /work/main/sub")
	r = run(t, box, sandbox.Command{Argv: []string{"sh", "-c", `pwd; echo "$GREETING $1" "$0"`, "a b", "c"}, Dir: "main/sub", Env: map[string]string{"GREETING": "bye"}})
	require.Equal(t, "/work/main/sub\nbye c a b\n", r.out)
	require.NotEqual(t, "0", must(t, box, "id -u"), "not root")
	require.NotContains(t, must(t, box, "env"), "ZEBLIT", "nothing of this process's environment")
	require.Equal(t, "1024", must(t, box, "ulimit -n"))
	require.Equal(t, "1024", must(t, box, "ulimit -Hn"))
	require.Equal(t, "0", must(t, box, "ulimit -c"))
	require.Contains(t, must(t, box, "touch $HOME/kept && cd && pwd"), "/work/")
	require.Equal(t, "ok", must(t, box, "echo ok >/tmp/x && cat /tmp/x"))
	for _, folder := range []string{"/", "/usr", "/bin", "/etc", "/dev", "/proc"} {
		require.NotZero(t, shell(t, box, "echo x >"+folder+"/written").Code, folder)
	}
	require.Equal(t, "lo", must(t, box, `sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev`), "only a loopback")
}

func commandErrors(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	start := func(command sandbox.Command) error {
		p, err := box.Start(t.Context(), command)
		if err == nil {
			require.NoError(t, p.Close())
		}
		return err
	}
	require.ErrorIs(t, start(sandbox.Command{}), sandbox.ErrNoCommand)
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"no-such-program"}}), sandbox.ErrNoCommand)
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"./no-such-program"}}), sandbox.ErrNoCommand)
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"sh"}, Dir: "nowhere"}), sandbox.ErrNoFolder)
	must(t, box, "echo text >text; printf '#!/no/such/shell\n' >script; chmod +x script; mkdir folder")
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"sh"}, Dir: "text"}), sandbox.ErrNoFolder)
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"./text"}}), sandbox.ErrNotExecutable)
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"./folder"}}), sandbox.ErrNotExecutable)
	require.ErrorIs(t, start(sandbox.Command{Argv: []string{"./script"}}), sandbox.ErrNoCommand)
	require.NoError(t, start(sandbox.Command{Argv: []string{"sh"}, Dir: "../../../folder"}), "a folder is always below /work")
	alone(t, box)
}

func input(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	cat := sandbox.Command{Argv: []string{"cat"}}
	require.Empty(t, run(t, box, cat).out, "no input is an empty one")
	cat.Stdin = strings.NewReader("typed\n")
	require.Equal(t, "typed\n", run(t, box, cat).out)
	text := strings.Repeat("0123456789abcdef", 1<<17)
	r := run(t, box, sandbox.Command{Argv: []string{"wc", "-c"}, Stdin: strings.NewReader(text)})
	require.Equal(t, strconv.Itoa(len(text)), strings.TrimSpace(r.out))
	r = run(t, box, sandbox.Command{Argv: []string{"true"}, Stdin: strings.NewReader(text)})
	require.Zero(t, r.Code, "whoever doesn't read isn't waited for")
}

// output of 100 MB doesn't make this process grow.
func output(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	const size = 100 << 20
	before := heap()
	var most uint64
	total, chunks := 0, 0
	began := time.Now()
	_, err := sandbox.Run(t.Context(), box, sandbox.Command{Argv: []string{"head", "-c", strconv.Itoa(size), "/dev/zero"}}, func(c sandbox.Chunk) error {
		require.LessOrEqual(t, len(c.Data), sandbox.MaxChunk)
		total += len(c.Data)
		if chunks++; chunks%200 == 0 {
			most = max(most, heap())
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, size, total)
	grown := int64(most) - int64(before)
	t.Logf("100 MB of output in %s; the heap grew by %d kB", time.Since(began).Round(time.Millisecond), grown>>10)
	// Other tests of the package run at the same time.
	require.Less(t, grown, int64(40<<20))
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse
}

// backpressure makes a command wait for its reader, with others running on.
func backpressure(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	p := start(t, box, "head -c 30000000 /dev/zero; echo done >/work/done")
	time.Sleep(500 * time.Millisecond)
	require.Equal(t, "ok", must(t, box, "test ! -e /work/done && echo ok"), "it waits; others don't")
	total := 0
	for {
		chunk, err := p.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		total += len(chunk.Data)
	}
	require.Equal(t, 30000000, total)
	require.Zero(t, wait(t, p).Code)

	// Whoever gives up reading leaves nothing behind.
	p = start(t, box, "cat /dev/zero")
	_, err := p.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Close())
	alone(t, box)
	_, err = p.Next(t.Context())
	require.Error(t, err)

	p = start(t, box, "until test -e go; do sleep 0.1; done; echo late")
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.Next(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	must(t, box, "touch go")
	require.Equal(t, "late", line(t, p), "to stop waiting loses nothing")
}

func timeout(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	began := time.Now()
	r := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "setsid sleep 300 & sleep 300"}, Timeout: 300 * time.Millisecond})
	require.True(t, r.TimedOut)
	require.Equal(t, "KILL", r.Signal)
	require.Equal(t, 137, r.Code)
	require.Less(t, time.Since(began), time.Minute)
	alone(t, box)
	require.False(t, run(t, box, sandbox.Command{Argv: []string{"true"}}).TimedOut)
}

// daemons are started in all the ways by which they get away from their parents.
// Their host may have those of other tests, so that one has a number of this process's.
var daemons = strings.ReplaceAll(`
setsid sleep 301 &
(setsid sh -c 'sleep 302 & sleep 303' &)
(sh -c '(sleep 304 &) & exit' &)
sh -c 'trap "" TERM HUP INT; setsid sleep MINE </dev/null >/dev/null 2>&1 & exit'
(ulimit -m 1000000 2>/dev/null; setsid sleep 306 &)
`, "MINE", mine(305))

// mine is a time to sleep that nobody else does.
func mine(seconds int) string { return fmt.Sprintf("%d.%d", seconds, os.Getpid()) }

func trees(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	other := start(t, box, "sleep 400 & echo up; wait")
	line(t, other)
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	before := stats.Processes
	p := start(t, box, daemons+"sleep 0.3; echo up; sleep 307")
	line(t, p)
	stats, err = box.Stats(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, stats.Processes-before, 6)
	require.NoError(t, p.Signal(t.Context(), "KILL"))
	stats, err = box.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, stats.Processes, "only the other command is left")
	require.Equal(t, "KILL", wait(t, p).Signal)

	// A command that ends leaves its daemons to whoever closes it.
	p = start(t, box, daemons+"sleep 0.3")
	exit := wait(t, p)
	require.Zero(t, exit.Code)
	require.GreaterOrEqual(t, exit.Left, 5)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "once more")
	stats, err = box.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, stats.Processes)
	require.ErrorIs(t, p.Signal(t.Context(), "TERM"), sandbox.ErrNoProcess)
	require.NoError(t, other.Close())
	alone(t, box)
	if b.Host {
		require.Empty(t, hostProcesses(t, "sleep", mine(305)), "nor on the host")
	}
}

// hostProcesses are those of the host with these arguments.
func hostProcesses(t *testing.T, argv ...string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		raw, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if err == nil && string(raw) == strings.Join(argv, "\x00")+"\x00" {
			found = append(found, entry.Name())
		}
	}
	return found
}

func signals(t *testing.T, b *Bench) {
	box := b.box(t, sandbox.Limits{})
	p := start(t, box, "echo up; sleep 300")
	line(t, p)
	require.ErrorIs(t, p.Signal(t.Context(), "NONE"), sandbox.ErrBadSignal)
	require.NoError(t, p.Signal(t.Context(), "TERM"))
	exit := wait(t, p)
	require.Equal(t, "TERM", exit.Signal)
	require.Equal(t, 143, exit.Code)

	p = start(t, box, `trap 'echo told; exit 3' INT; echo up; while true; do sleep 0.05; done`)
	line(t, p)
	require.NoError(t, p.Signal(t.Context(), "INT"))
	require.Equal(t, "told", line(t, p))
	require.Equal(t, 3, wait(t, p).Code)
}
