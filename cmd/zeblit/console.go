package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/zeblit/zeblit/internal/terminal"
)

// console is what a command reads from and writes to.
type console struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // out is one
	// interrupts is who is asked when Ctrl-C is pressed; nil: nobody is.
	interrupts *interrupts
	// exit ends the program where it can't be done otherwise.
	exit func(code int)
}

func newConsole() console {
	return console{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stdout.Fd())),
		interrupts: &interrupts{}, exit: os.Exit,
	}
}

func (c console) style() terminal.Style { return terminal.NewStyle(c.terminal) }

// interactive reports whether a person sits at both ends.
func (c console) interactive() bool {
	f, ok := c.in.(*os.File)
	return ok && c.terminal && term.IsTerminal(int(f.Fd()))
}

// agrees asks a person, who agrees by the word yes.
func (c console) agrees(question string) bool {
	done := c.reading(nil)
	defer done()
	_, _ = fmt.Fprint(c.out, question+" Type yes: ")
	answer, _ := bufio.NewReader(c.in).ReadString('\n') // what isn't yes is no
	return strings.TrimSpace(answer) == "yes"
}

// reading says that the program waits for input, in which only its end can interrupt
// it: at Ctrl-C and SIGTERM restore, which gives the terminal back, is called and the
// program ends. So it is until done is called. restore may be nil.
func (c console) reading(restore func()) (done func()) {
	return c.interrupts.leave(func() {
		if restore != nil {
			restore()
		}
		if c.exit != nil {
			c.exit(exitInterrupted)
		}
	})
}

// interrupts lets a command say what Ctrl-C means while it does something.
type interrupts struct {
	mu      sync.Mutex
	handler func()
	leaving func() // before handler, and at SIGTERM too; nil: nothing is read
	over    bool   // the program is to end: what would be read now isn't
}

// handle calls f at each Ctrl-C, from another goroutine, until restore is called.
// f must not block.
func (i *interrupts) handle(f func()) (restore func()) {
	if i == nil {
		return func() {}
	}
	before := i.set(f)
	return func() { i.set(before) }
}

// leave calls f at Ctrl-C and SIGTERM, from another goroutine, until done is called; at
// once where the program is to end already.
func (i *interrupts) leave(f func()) (done func()) {
	if i == nil {
		return func() {}
	}
	set := func(f func()) (over bool) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.leaving = f
		return i.over
	}
	if set(f) {
		f()
	}
	return func() { set(nil) }
}

func (i *interrupts) set(f func()) (before func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before, i.handler = i.handler, f
	return before
}

func (i *interrupts) end() {
	if i == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
}

// press is Ctrl-C, or SIGTERM, which reports false where nobody takes it.
func (i *interrupts) press(s os.Signal) bool {
	if i == nil {
		return false
	}
	i.mu.Lock()
	f := i.leaving
	if f == nil && s == os.Interrupt {
		f = i.handler
	}
	i.mu.Unlock()
	if f != nil {
		f()
	}
	return f != nil
}

// signals ends ctx at SIGTERM, and at Ctrl-C where no command says otherwise; after
// that a second one ends the program at once. stop ends the watch.
func (c console) signals(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan os.Signal, 4) // what comes while it is full is more of the same
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	end := func() {
		signal.Stop(received)
		c.interrupts.end()
		cancel()
	}
	restore := c.interrupts.handle(end)
	var group sync.WaitGroup
	done := make(chan struct{})
	group.Go(func() {
		for {
			select {
			case s := <-received:
				if !c.interrupts.press(s) {
					end()
				}
			case <-done:
				return
			}
		}
	})
	return ctx, func() {
		end()
		restore()
		close(done)
		group.Wait()
	}
}
