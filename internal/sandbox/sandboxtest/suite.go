package sandboxtest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// Bench is a driver under test.
type Bench struct {
	// Open opens a driver whose sandboxes are kept at dir: several of the same dir stand
	// for several processes of one installation.
	Open func(t *testing.T, dir string) sandbox.Driver
	// Survives is whether sandboxes outlive a process that ends without a word.
	Survives bool
	// Host is whether the host's processes include those inside, as seen from here.
	Host bool
}

// Run is the whole suite.
func Run(t *testing.T, bench Bench) {
	b := &bench
	t.Run("Output", func(t *testing.T) { output(t, b) }) // alone, as it looks at this process's memory
	for name, test := range map[string]func(*testing.T, *Bench){
		"Commands":     commands,
		"Errors":       commandErrors,
		"Input":        input,
		"Backpressure": backpressure,
		"Timeout":      timeout,
		"Trees":        trees,
		"Signals":      signals,
		"Memory":       memory,
		"Processes":    processes,
		"CPU":          cpu,
		"Disk":         disk,
		"Files":        files,
		"Scan":         scan,
		"Archives":     archives,
		"Stop":         stop,
		"StopDeep":     stopDeep,
		"States":       states,
		"Owner":        owner,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b)
		})
	}
}

// driver opens one that the test's end closes.
func (b *Bench) driver(t *testing.T) sandbox.Driver {
	t.Helper()
	driver := b.Open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	return driver
}

// box makes a sandbox that the test's end deletes.
func (b *Bench) box(t *testing.T, limits sandbox.Limits) sandbox.Sandbox {
	t.Helper()
	box, err := b.driver(t).Create(t.Context(), sandbox.Spec{ID: "box", Limits: limits, Env: map[string]string{"GREETING": "hello"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, box.Delete(context.Background())) })
	return box
}

type result struct {
	sandbox.Exit
	out, err string
}

func run(t *testing.T, box sandbox.Sandbox, command sandbox.Command) result {
	t.Helper()
	if command.Timeout == 0 {
		command.Timeout = time.Minute
	}
	var out, stderr bytes.Buffer
	exit, err := sandbox.Run(t.Context(), box, command, func(c sandbox.Chunk) error {
		if c.Stream == sandbox.Stdout {
			out.Write(c.Data)
		} else {
			stderr.Write(c.Data)
		}
		return nil
	})
	require.NoError(t, err)
	return result{exit, out.String(), stderr.String()}
}

func shell(t *testing.T, box sandbox.Sandbox, script string) result {
	t.Helper()
	return run(t, box, sandbox.Command{Argv: []string{"sh", "-c", script}})
}

// must is the output of a script that succeeds.
func must(t *testing.T, box sandbox.Sandbox, script string) string {
	t.Helper()
	r := shell(t, box, script)
	require.Zero(t, r.Code, "%s: %s%s", script, r.out, r.err)
	return strings.TrimSpace(r.out)
}

func start(t *testing.T, box sandbox.Sandbox, script string) sandbox.Process {
	t.Helper()
	p, err := box.Start(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", script}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// line waits for a command to print something.
func line(t *testing.T, p sandbox.Process) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var text string
	for !strings.Contains(text, "\n") {
		chunk, err := p.Next(ctx)
		require.NoError(t, err)
		text += string(chunk.Data)
	}
	return strings.TrimSpace(text)
}

func wait(t *testing.T, p sandbox.Process) sandbox.Exit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	exit, err := p.Wait(ctx)
	require.NoError(t, err)
	return exit
}

func alone(t *testing.T, box sandbox.Sandbox) {
	t.Helper()
	stats, err := box.Stats(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.Processes, "nobody is left")
}

// measured is whether the driver has a measure here; what it hasn't it must say.
func measured(t *testing.T, driver sandbox.Driver, name string) bool {
	t.Helper()
	report, err := driver.Check(t.Context())
	require.NoError(t, err)
	for _, m := range report.Measures {
		if m.Name == name {
			require.NotEmpty(t, m.How)
			return m.On
		}
	}
	require.Failf(t, "not in the report", "%s", name)
	return false
}
