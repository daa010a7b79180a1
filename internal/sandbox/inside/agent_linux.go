//go:build linux && (amd64 || arm64)

package inside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hashicorp/yamux"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// agent answers requests. Each has a goroutine, which ends with its stream.
type agent struct {
	reaper *reaper
	files  tree

	mu        sync.Mutex
	settings  wire.Settings
	env       []string
	processes map[int]*process // by id
	nextMark  uint64

	scans scanCache
}

func newAgent() *agent {
	return &agent{
		reaper:    newReaper(),
		processes: map[int]*process{},
		files:     tree{base: sandbox.Work},
		nextMark:  firstMark,
		env:       environment(nil),
	}
}

func (a *agent) close() { a.reaper.close() }

// serve answers on one connection until it ends, and then kills the commands that came
// by it.
func (a *agent) serve(connection io.ReadWriteCloser) error {
	session, err := yamux.Server(connection, wire.Config())
	if err != nil {
		return err
	}
	var requests sync.WaitGroup
	defer requests.Wait()
	defer func() { _ = session.Close() }()
	owned := &sessionProcesses{}
	defer owned.kill()
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return nil // the other side has gone: there is nobody to tell
		}
		requests.Add(1)
		go func() {
			defer requests.Done()
			defer func() { _ = stream.Close() }()
			a.answer(stream, owned)
		}()
	}
}

func (a *agent) answer(stream *yamux.Stream, owned *sessionProcesses) {
	var request wire.Request
	if err := wire.ReadJSON(stream, &request); err != nil {
		return
	}
	reply, err := a.handle(stream, request, owned)
	if err != nil {
		reply = wire.Failed(err)
	}
	if wire.WriteJSON(stream, reply) == nil {
		// Until the other side has read it: what is closed is forgotten after a while.
		_ = untilGone(stream)
	}
}

// handle does what is asked; its reply is the stream's last.
func (a *agent) handle(stream *yamux.Stream, request wire.Request, owned *sessionProcesses) (wire.Reply, error) {
	switch request.Op {
	case wire.Begin:
		return wire.Reply{}, a.begin(request.Begin)
	case wire.Start:
		return a.start(stream, request.Command, owned)
	case wire.Wait:
		return a.wait(stream, request.Process)
	case wire.Signal:
		return wire.Reply{}, a.signal(request.Process, request.Signal)
	case wire.Finish:
		return wire.Reply{}, a.finish(request.Process)
	case wire.Usage:
		return a.usage()
	case wire.Halt:
		return wire.Reply{}, a.reaper.killAll()
	case wire.Put:
		return wire.Reply{}, a.files.put(request.Root, wire.NewDataReader(stream))
	case wire.Restore:
		return wire.Reply{}, restore(wire.NewDataReader(stream))
	case wire.Remove:
		return wire.Reply{}, a.files.remove(request.Root, request.Paths)
	case wire.Get:
		return wire.Reply{}, sending(stream, func(w io.Writer) error { return a.files.get(request.Root, request.Paths, w) })
	case wire.Archive:
		left := ""
		err := sending(stream, func(w io.Writer) (err error) {
			left, err = archive(w)
			return err
		})
		return wire.Reply{Left: left}, err
	case wire.Scan:
		if request.Scan == nil {
			request.Scan = &sandbox.ScanOptions{}
		}
		return wire.Reply{}, sending(stream, func(w io.Writer) error { return a.scan(request.Root, *request.Scan, w) })
	}
	return wire.Reply{}, fmt.Errorf("unknown request %q", request.Op)
}

// sending has write's data followed by their end, also where it fails: the reply says so.
func sending(stream io.Writer, write func(io.Writer) error) error {
	data := &wire.DataWriter{To: stream}
	return errors.Join(write(data), data.Close())
}

func (a *agent) begin(settings *wire.Settings) error {
	if settings == nil {
		return errors.New("no settings")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settings, a.env = *settings, environment(settings.Env)
	return nil
}

// environment is what commands have, without anything of this process's.
func environment(extra map[string]string) []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if _, err := os.Stat("/usr/local/go/bin"); err == nil {
		path = "/usr/local/go/bin:" + path
	}
	env := map[string]string{
		"PATH": path, "HOME": Home, "USER": "sandbox", "LOGNAME": "sandbox", "SHELL": "/bin/sh",
		"TMPDIR": "/tmp", "LANG": "C.UTF-8", "TERM": "dumb", "CI": "true", "GIT_TERMINAL_PROMPT": "0",
	}
	for name, value := range extra {
		env[name] = value
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}
