package faulttest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// BuildClients makes the program that runs other people's clients, in dir, and returns
// its path: web/e2e/watchers in one file, for Node. It needs node and the packages that
// `npm ci` installs.
func BuildClients(dir string) (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", fmt.Errorf("build the clients: where the source is isn't known (was this built with -trimpath?)")
	}
	source := filepath.Join(filepath.Dir(file), "../../../web/e2e/watchers")
	cmd := exec.Command("node", filepath.Join(source, "../../../node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn", "--outDir", dir)
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the clients: %w: %s", err, out)
	}
	return filepath.Join(dir, "watchers.mjs"), nil
}

// host is a Node process with the clients of one library. Each subscription has a
// client of its own, which connects anew by itself.
type host struct {
	load *Load
	kind string
	cmd  *exec.Cmd
	said *os.File // what it says on its standard error

	mu    sync.Mutex // also of writing
	in    io.WriteCloser
	count int
	seats map[string]*place // by the subscription's id
}

// command is what a host is told: to watch, or to stop it.
type command struct {
	ID        string         `json:"id"`
	URLs      []string       `json:"urls,omitempty"`
	Key       string         `json:"key,omitempty"`
	Query     string         `json:"query,omitempty"`
	Variables map[string]any `json:"variables,omitempty"`
}

func startHost(l *Load, program, kind string) (*host, error) {
	if program == "" {
		return nil, errors.New("its program was not built")
	}
	h := &host{load: l, kind: kind, cmd: exec.Command("node", program, kind), seats: map[string]*place{}}
	// A Ctrl-C is for this process. The other one ends when its standard input does.
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	name := strings.ReplaceAll(strings.ToLower(kind), " ", "-") + ".log"
	if h.said, err = os.Create(filepath.Join(l.in.o.Dir, name)); err != nil {
		return nil, err
	}
	h.cmd.Stderr = h.said
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	l.watching.Go(func() { h.listen(out) })
	context.AfterFunc(l.ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		_ = h.in.Close()
	})
	return h, nil
}

// listen hands over what the process says, until it ends.
func (h *host) listen(out io.Reader) {
	lines := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var said struct {
			ID        string
			Event     json.RawMessage
			Connected bool
			Ended     []refusal
			Closed    int
		}
		if err := json.Unmarshal(line, &said); err != nil {
			h.load.problem("%s says %q", h.kind, line)
			continue
		}
		h.mu.Lock()
		p := h.seats[said.ID]
		h.mu.Unlock()
		switch {
		case p == nil: // told to stop, and not yet heard of it
		case said.Event != nil:
			if p.watcher.take(said.Event) {
				h.stop(said.ID)
				p.ended <- ending{}
			}
		case said.Connected:
			p.watcher.again()
		case said.Closed > 0:
			p.watcher.closed(ending{slow: said.Closed == 4508})
		default:
			h.stop(said.ID)
			p.ended <- ending{problem: inexcusable(said.Ended)}
		}
	}
	err := h.cmd.Wait()
	if h.load.ctx.Err() == nil {
		text, _ := os.ReadFile(h.said.Name())
		h.load.problem("the process of %s ended: %v: %s", h.kind, err, text[max(0, len(text)-2000):])
	}
	_ = h.said.Close()
}

func (h *host) watch(p *place, c command) (id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	c.ID = strconv.Itoa(h.count)
	h.seats[c.ID] = p
	h.say(c)
	return c.ID
}

func (h *host) stop(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.seats, id)
	h.say(command{ID: id})
}

// say is called with the lock. That the process has ended shows elsewhere.
func (h *host) say(c command) {
	line, err := json.Marshal(c)
	if err == nil {
		_, _ = h.in.Write(append(line, '\n'))
	}
}

// place is a watcher's in a host, with the way from there to each server, on which it
// can be cut and stalled.
type place struct {
	host    *host
	watcher *watcher
	ways    []*Proxy
	ended   chan ending // one for each watch at most
}

func (h *host) seat(w *watcher) (*place, error) {
	p := &place{host: h, watcher: w, ended: make(chan ending, 1)}
	for _, s := range h.load.in.Servers {
		way, err := NewProxy("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.ways = append(p.ways, way)
	}
	return p, nil
}

func (p *place) close() error {
	var errs []error
	for _, way := range p.ways {
		errs = append(errs, way.Close())
	}
	return errors.Join(errs...)
}

// follow keeps the client subscribed. Only where it gives up by its own rules, on an
// error that says so, it is told to watch again.
func (p *place) follow(ctx context.Context) {
	defer func() { _ = p.close() }()
	var disturbing sync.WaitGroup
	disturbing.Go(func() { p.disturb(ctx) })
	defer disturbing.Wait()
	var urls []string
	for _, way := range p.ways {
		urls = append(urls, "http://"+way.Address())
	}
	for p.watcher.prepare(ctx, p.host.load) == nil {
		query, variables := p.watcher.subscribe()
		id := p.host.watch(p, command{URLs: urls, Key: p.host.load.in.Key, Query: query, Variables: variables})
		select {
		case <-ctx.Done():
			p.host.stop(id)
		case end := <-p.ended:
			p.watcher.closed(end)
			p.host.load.rest(ctx, moment(100*time.Millisecond, 500*time.Millisecond))
		}
	}
}

// disturb cuts and stalls what goes to the servers and comes from them.
func (p *place) disturb(ctx context.Context) {
	l := p.host.load
	for {
		l.rest(ctx, moment(500*time.Millisecond, 6*time.Second))
		if ctx.Err() != nil || l.isCalm() {
			return
		}
		pick := mrand.IntN(10)
		for _, way := range p.ways {
			switch {
			case pick == 0:
				way.Stall(moment(500*time.Millisecond, 4*time.Second))
			case pick < 5:
				way.Tear()
			default:
				way.Cut()
			}
		}
	}
}
