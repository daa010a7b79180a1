package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/terminal"
)

// keyboard is a person's terminal: what is written is typed, what is read is shown.
type keyboard struct {
	screen
	typed *os.File
	wait  func() int // for the program's exit code
	// signal sends one to the program.
	signal func(os.Signal) error
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	conn, err := f.SyscallConn() // Fd would take the file's deadlines away
	require.NoError(t, err)
	require.NoError(t, conn.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg))
		require.Zero(t, errno)
	}))
}

func (p *person) terminal(t *testing.T, args ...string) *keyboard {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	unlock, number := int32(0), uint32(0)
	ioctl(t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	ioctl(t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	size := [4]uint16{40, 200}
	ioctl(t, master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	cmd := p.command(args...)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	require.NoError(t, slave.Close())
	k := &keyboard{screen{r: master}, master, func() int { return ended(cmd) }, cmd.Process.Signal}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = master.Close()
	})
	return k
}

func (k *keyboard) typeIn(t *testing.T, s string) {
	t.Helper()
	_, err := k.typed.WriteString(s)
	require.NoError(t, err)
}

func TestChatOnATerminal(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	k := p.terminal(t, "chat", "--project", "Typed")
	shown := k.until(t, "> ")
	require.Contains(t, shown, "\x1b[1mTyped\x1b[0m", "in colour")
	k.typeIn(t, "Build a pagg\x7fe\r") // with a slip of the finger
	shown = k.until(t, "Files written")
	require.Contains(t, shown, "\x1b[32m✓\x1b[0m")
	k.until(t, "> ")
	k.typeIn(t, "\x1b[A\r") // the history has it
	k.until(t, "Build a page")
	k.until(t, "> ")
	k.typeIn(t, "\x04")
	require.Zero(t, k.wait())
	runs := lines(t, p.do(t, "runs", "--json"))
	require.Len(t, runs, 2)
	for _, run := range runs {
		require.Equal(t, "Build a page", run["message"].(map[string]any)["text"])
	}

	p.env = append(p.env, "NO_COLOR=1")
	k = p.terminal(t, "files", "ls", "--project", "Typed")
	require.NotContains(t, k.until(t, "index.html"), "\x1b")
	require.Zero(t, k.wait())
}

func TestCtrlCCancelsTheRunFirst(t *testing.T) {
	t.Parallel()
	model := llmtest.NewServer(t,
		llmtest.Reply{llmtest.Say("I begin"), llmtest.Hang()}, llmtest.Reply{llmtest.Say("I go on"), llmtest.Hang()})
	cfg := settings(t)
	cfg.AnthropicKey, cfg.AnthropicBaseURL = "key", model.AnthropicURL()
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	k := p.terminal(t, "chat")
	k.until(t, "> ")
	k.typeIn(t, "hello\r")
	k.until(t, "I begin")
	k.typeIn(t, "\x03")
	shown := k.until(t, "the run was cancelled")
	require.Contains(t, shown, "(cancelling; Ctrl-C again leaves)")
	require.NotContains(t, shown, "trying again")
	k.until(t, "> ")
	k.typeIn(t, "\x03")
	require.Zero(t, k.wait(), "at the prompt it leaves")
	require.Equal(t, "CANCELLED", lines(t, p.do(t, "runs", "--json"))[0]["state"])

	k = p.terminal(t, "chat", "hello again")
	k.until(t, "I go on")
	k.typeIn(t, "\x03")
	k.until(t, "cancelling")
	require.Equal(t, exitInterrupted, k.wait())
	require.Equal(t, "CANCELLED", lines(t, p.do(t, "runs", "--json"))[0]["state"])
}

// echoes reports whether the terminal shows what is typed.
func (k *keyboard) echoes(t *testing.T) bool {
	t.Helper()
	var look syscall.Termios
	ioctl(t, k.typed, syscall.TCGETS, unsafe.Pointer(&look))
	return look.Lflag&syscall.ECHO != 0
}

func TestWhatWaitsForInputEndsAtASignal(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	id := strings.TrimSpace(p.do(t, "projects", "create", "Kept"))
	for _, c := range []struct {
		asks string
		args []string
	}{
		{"API key: ", []string{"login", "--url", s.url, "--api-key", "-"}},
		{"Type yes: ", []string{"projects", "delete", id}},
		{"> ", []string{"chat", "--project", id}},
	} {
		k := p.terminal(t, c.args...)
		k.until(t, c.asks)
		require.NoError(t, k.signal(syscall.SIGTERM))
		require.Equal(t, exitInterrupted, k.wait(), c.args)
		require.True(t, k.echoes(t), c.args)
		if c.asks == "> " { // where Ctrl-C is a key
			continue
		}
		k = p.terminal(t, c.args...)
		k.until(t, c.asks)
		k.typeIn(t, "\x03")
		require.Equal(t, exitInterrupted, k.wait(), c.args)
		require.True(t, k.echoes(t), c.args)
	}
}

func TestAKeyIsTypedUnseen(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t)
	key := ownerOf(t, s).APIKey
	k := p.terminal(t, "login", "--url", s.url, "--api-key", "-")
	k.until(t, "API key: ")
	k.typeIn(t, "\x1b[200~"+key+"\x1b[201~\r") // pasted
	require.NotContains(t, k.until(t, "Signed in to "+s.url), key)
	require.Zero(t, k.wait())
}

func TestDeletingAsksOnATerminal(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	id := strings.TrimSpace(p.do(t, "projects", "create", "Kept"))
	k := p.terminal(t, "projects", "delete", id)
	require.Contains(t, terminal.Clean(k.until(t, "Type yes: ")), "Delete Kept")
	k.typeIn(t, "no\n")
	require.Equal(t, exitFailed, k.wait())
	k = p.terminal(t, "projects", "delete", id)
	k.until(t, "Type yes: ")
	k.typeIn(t, "yes\n")
	require.Zero(t, k.wait())
	require.Empty(t, p.do(t, "projects", "--json"))
}

func TestWhatIsNoTextIsNotPrintedOnATerminal(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir, "ZEBLIT_PROJECT=Site")
	p.do(t, "projects", "create", "Site")
	require.NoError(t, os.WriteFile(filepath.Join(p.home, "logo.png"), []byte("\x89PNG\x00\xff"), 0o600))
	p.do(t, "files", "put", filepath.Join(p.home, "logo.png"))
	k := p.terminal(t, "files", "cat", "logo.png")
	k.until(t, "logo.png is no text")
	require.Equal(t, exitFailed, k.wait())
}

func TestABrowserIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	programs := t.TempDir()
	opener := filepath.Join(programs, "xdg-open")
	require.NoError(t, os.WriteFile(opener, []byte("#!/bin/sh\nwhile [ -e \"$0\" ]; do sleep 0.1; done\n"), 0o700)) //nolint:gosec // it is run
	p := newPerson(t, "PATH="+programs+":"+os.Getenv("PATH"), "DISPLAY=:0")
	k := p.terminal(t, "login", "--url", s.url)
	require.Contains(t, k.until(t, "Waiting"), "A browser was opened")
	k.typeIn(t, "\x03")
	require.Equal(t, exitInterrupted, k.wait())
}
