package terminal

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// longestLine is how much one message may hold, in bytes: more than the API takes.
const longestLine = 1 << 20

// Prompt reads what a person types, a message at a time.
type Prompt interface {
	// Read returns the next message; io.EOF when the person leaves.
	Read() (string, error)
	// Restore gives the terminal back for good, where a signal ends the program in Read.
	Restore()
}

// NewPrompt edits lines on a terminal, and reads them as they are from anywhere else.
func NewPrompt(in io.Reader, out io.Writer, style Style) Prompt {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		e := newEditor(f, out, style.Bold("> "))
		e.line = e.terminal.ReadLine
		return e
	}
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, longestLine)
	return &lines{scanner}
}

// NewSecretPrompt asks on a terminal for what must not be seen.
func NewSecretPrompt(in *os.File, out io.Writer, ask string) Prompt {
	e := newEditor(in, out, ask)
	e.line = func() (string, error) { return e.terminal.ReadPassword(ask) }
	return e
}

// editor has line editing and a history of what was typed since the start. The
// terminal is in raw mode only while it reads, so that Ctrl-C is a signal otherwise.
type editor struct {
	fd       int
	terminal *term.Terminal
	line     func() (string, error)

	mu    sync.Mutex
	usual *term.State // while it is raw
	left  bool        // it was given back for good
}

func newEditor(in *os.File, out io.Writer, ask string) *editor {
	screen := struct {
		io.Reader
		io.Writer
	}{in, out}
	return &editor{fd: int(in.Fd()), terminal: term.NewTerminal(screen, ask)}
}

func (e *editor) Read() (string, error) {
	if err := e.raw(); err != nil {
		return "", err
	}
	defer e.restore(false)
	if width, height, err := term.GetSize(e.fd); err == nil && width > 0 {
		_ = e.terminal.SetSize(width, height) // a failure leaves the lines a bit off
	}
	var pasted []string
	for {
		line, err := e.line()
		if errors.Is(err, term.ErrPasteIndicator) { // the message ends when Enter is typed
			pasted = append(pasted, line)
			continue
		}
		if err != nil {
			return "", err
		}
		return strings.Join(append(pasted, line), "\n"), nil
	}
}

func (e *editor) raw() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left {
		return io.EOF
	}
	usual, err := term.MakeRaw(e.fd)
	if err != nil {
		return err
	}
	e.usual = usual
	e.terminal.SetBracketedPasteMode(true)
	return nil
}

func (e *editor) Restore() { e.restore(true) }

func (e *editor) restore(leave bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = e.left || leave
	if e.usual != nil {
		e.terminal.SetBracketedPasteMode(false)
		_ = term.Restore(e.fd, e.usual)
		e.usual = nil
	}
}

type lines struct{ scanner *bufio.Scanner }

func (l *lines) Read() (string, error) {
	if l.scanner.Scan() {
		return l.scanner.Text(), nil
	}
	if err := l.scanner.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}

func (l *lines) Restore() {}
