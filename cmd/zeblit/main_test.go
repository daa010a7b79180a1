package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// The test program is also the program itself, and a server with a configuration.
const (
	programVariable = "ZEBLIT_TEST_PROGRAM"
	serveVariable   = "ZEBLIT_TEST_SERVE"
)

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		os.Exit(run(os.Args[1:], newConsole()))
	}
	if encoded := os.Getenv(serveVariable); encoded != "" {
		os.Exit(serveForTest(encoded))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(sandboxtest.Exit))
}

func serveForTest(encoded string) int {
	var cfg config.Config
	if err := json.Unmarshal([]byte(encoded), &cfg); err != nil {
		panic(err)
	}
	ctx := context.Background()
	a, err := app.New(ctx, cfg, app.Options{
		Logger: slog.New(slog.DiscardHandler), Version: "test",
		OnReady: func(r app.Ready) { fmt.Println(r.URL) },
	})
	if err == nil {
		err = a.Serve(ctx)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// server is a running Zeblit in a process of its own.
type server struct {
	url  string
	dir  string
	kill func() // as a power cut would
}

func settings(t *testing.T) config.Config {
	t.Helper()
	return config.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", PublicURL: "http://127.0.0.1", SignUpOpen: true, DemoPace: -1}
}

func serve(t *testing.T, cfg config.Config) *server {
	t.Helper()
	encoded, err := json.Marshal(cfg)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+string(encoded))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	dead := false
	s := &server{dir: cfg.DataDir, kill: func() {
		if !dead {
			dead = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}}
	t.Cleanup(s.kill)
	line := make([]byte, 256)
	n, err := out.Read(line)
	require.NoError(t, err)
	s.url = strings.TrimSpace(string(line[:n]))
	require.Contains(t, s.url, "http://")
	return s
}

// freeAddr is an address that nothing listens on, for a server that has to come back: one
// at which nobody else asks for any port.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// person is somebody at a keyboard: a home folder and the variables of their shell.
type person struct {
	home string
	env  []string
}

func newPerson(t *testing.T, env ...string) *person {
	t.Helper()
	return &person{home: t.TempDir(), env: env}
}

func (p *person) config() string { return filepath.Join(p.home, "config", "zeblit", "config.json") }

func (p *person) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = p.home
	cmd.Env = append([]string{
		programVariable + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "XDG_CONFIG_HOME=" + filepath.Join(p.home, "config"),
	}, p.env...)
	return cmd
}

// said is what a command wrote and how it ended.
type said struct {
	code     int
	out, err string
}

func (p *person) run(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	cmd := p.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return said{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// do runs what has to go well.
func (p *person) do(t *testing.T, args ...string) string {
	t.Helper()
	s := p.run(t, "", args...)
	require.Zero(t, s.code, "%v: %s%s", args, s.out, s.err)
	return s.out
}

// lines are the JSON objects that a command wrote, one a line.
func lines(t *testing.T, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one), line)
		all = append(all, one)
	}
	return all
}

// screen is what a program has shown, of which a test takes one piece after the other.
type screen struct {
	r    io.Reader // of a pipe or a terminal
	rest string    // read and not yet taken
}

// until takes all up to want, which has to come within a minute.
func (s *screen) until(t *testing.T, want string) string {
	t.Helper()
	if d, ok := s.r.(interface{ SetReadDeadline(time.Time) error }); ok {
		require.NoError(t, d.SetReadDeadline(time.Now().Add(time.Minute)))
	}
	chunk := make([]byte, 4096)
	for {
		if before, after, found := strings.Cut(s.rest, want); found {
			s.rest = after
			return before + want
		}
		n, err := s.r.Read(chunk)
		s.rest += string(chunk[:n])
		if n == 0 {
			require.NoError(t, err, "no %q in %q", want, s.rest)
		}
	}
}

// end takes all that is left when the program has ended.
func (s *screen) end(t *testing.T) string {
	t.Helper()
	if d, ok := s.r.(interface{ SetReadDeadline(at time.Time) error }); ok {
		require.NoError(t, d.SetReadDeadline(time.Now().Add(5*time.Minute)))
	}
	raw, err := io.ReadAll(s.r)
	require.NoError(t, err)
	return s.rest + string(raw)
}

// ended waits for a program, a minute at most, and returns its exit code.
func ended(cmd *exec.Cmd) int {
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // the exit code says it
	return cmd.ProcessState.ExitCode()
}
