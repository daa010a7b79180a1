// Package link is this program's side of the conversation with internal/sandbox/inside:
// one Link per running sandbox, over whatever connection its driver has. Everything
// fails with sandbox.ErrUnreachable once the connection is gone; the driver may know
// more.
package link

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// mostEntries bounds a scan on this side, whatever the other says.
const mostEntries = 1_000_000

// Link speaks to one sandbox. It is safe for concurrent use. Close it.
type Link struct {
	session *yamux.Session
	// explain says what is known of a sandbox whose connection broke; nil leaves
	// ErrUnreachable.
	explain func() error
}

// Open begins a conversation and tells the other side how commands run.
func Open(ctx context.Context, connection io.ReadWriteCloser, settings wire.Settings, explain func() error) (*Link, error) {
	session, err := yamux.Client(connection, wire.Config())
	if err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	l := &Link{session: session, explain: explain}
	if _, err := l.ask(ctx, wire.Request{Op: wire.Begin, Begin: &settings}); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close ends the conversation, which kills the commands that it started.
func (l *Link) Close() error { return l.session.Close() }

// Closed is closed once the connection has ended, from either side.
func (l *Link) Closed() <-chan struct{} { return l.session.CloseChan() }

// stream opens one with a request. It ends with ctx: cancel what release returns.
func (l *Link) stream(ctx context.Context, request wire.Request) (*yamux.Stream, func(), error) {
	stream, err := l.session.OpenStream()
	if err != nil {
		return nil, nil, l.broken(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = abandon(stream) })
	release := func() {
		stop()
		_ = abandon(stream)
	}
	if err := wire.WriteJSON(stream, request); err != nil {
		release()
		return nil, nil, l.broken(ctx, err)
	}
	return stream, release, nil
}

// abandon ends a stream in both directions. Reads that wait end at once.
func abandon(stream *yamux.Stream) error {
	return errors.Join(stream.SetDeadline(time.Now()), stream.Close())
}

// reply reads the one that comes next.
func (l *Link) reply(ctx context.Context, stream io.Reader) (wire.Reply, error) {
	var reply wire.Reply
	if err := wire.ReadJSON(stream, &reply); err != nil {
		return wire.Reply{}, l.broken(ctx, err)
	}
	return reply, reply.Err()
}

func (l *Link) ask(ctx context.Context, request wire.Request) (wire.Reply, error) {
	stream, release, err := l.stream(ctx, request)
	if err != nil {
		return wire.Reply{}, err
	}
	defer release()
	return l.reply(ctx, stream)
}

// broken says why a stream ended without an answer.
func (l *Link) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A deadline is one that was set here: nothing has ended by itself.
	if l.explain != nil && !errors.Is(err, yamux.ErrTimeout) {
		if known := l.explain(); known != nil {
			return known
		}
	}
	return fmt.Errorf("%w: %w", sandbox.ErrUnreachable, err)
}

// Scan is sandbox.Sandbox's.
func (l *Link) Scan(ctx context.Context, root string, options sandbox.ScanOptions) ([]sandbox.Entry, error) {
	stream, release, err := l.stream(ctx, wire.Request{Op: wire.Scan, Root: root, Scan: &options})
	if err != nil {
		return nil, err
	}
	defer release()
	data := wire.NewDataReader(stream)
	lines := bufio.NewScanner(data)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	var entries []sandbox.Entry
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var entry sandbox.Entry
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			return nil, err
		}
		if entries = append(entries, entry); len(entries) > mostEntries {
			return nil, fmt.Errorf("%w: more than %d", sandbox.ErrTooMany, mostEntries)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, l.broken(ctx, err)
	}
	if _, err := l.reply(ctx, stream); err != nil {
		return nil, err
	}
	return entries, nil
}

// Put is sandbox.Sandbox's.
func (l *Link) Put(ctx context.Context, root string, tar io.Reader) error {
	return l.upload(ctx, wire.Request{Op: wire.Put, Root: root}, tar)
}

// Restore gives a sandbox that has nothing what Archive gave.
func (l *Link) Restore(ctx context.Context, archive io.Reader) error {
	return l.upload(ctx, wire.Request{Op: wire.Restore}, archive)
}

func (l *Link) upload(ctx context.Context, request wire.Request, from io.Reader) error {
	stream, release, err := l.stream(ctx, request)
	if err != nil {
		return err
	}
	defer release()
	answered := make(chan error, 1) // the one answer
	go func() {
		_, err := l.reply(ctx, stream)
		// Whoever fails doesn't read on: what is written then must not wait for it.
		_ = stream.SetWriteDeadline(time.Now())
		answered <- err
	}()
	source := &noting{from: from}
	data := &wire.DataWriter{To: stream}
	if _, err := io.CopyBuffer(data, source, make([]byte, wire.MaxData)); err == nil {
		_ = data.Close() // if that fails, so does the answer
	} else if source.failed != nil {
		_ = abandon(stream) // nobody will answer
	}
	err = <-answered
	if source.failed != nil {
		return source.failed
	}
	return err
}

// noting tells errors of a source from those of where it is copied to, and hides its
// other methods, which would have other ideas of chunks.
type noting struct {
	from   io.Reader
	failed error
}

func (n *noting) Read(p []byte) (int, error) {
	read, err := n.from.Read(p)
	if err != nil && err != io.EOF {
		n.failed = err
	}
	return read, err
}

// Remove is sandbox.Sandbox's.
func (l *Link) Remove(ctx context.Context, root string, paths []string) error {
	_, err := l.ask(ctx, wire.Request{Op: wire.Remove, Root: root, Paths: paths})
	return err
}

// Get is sandbox.Sandbox's.
func (l *Link) Get(ctx context.Context, root string, paths []string) (io.ReadCloser, error) {
	return l.download(ctx, wire.Request{Op: wire.Get, Root: root, Paths: paths}, func(wire.Reply) {})
}

// Archive is all that a halted sandbox keeps. Its end without an error is all of it; left is
// set by then to what can't be kept, in a sentence.
func (l *Link) Archive(ctx context.Context, left *string) (io.ReadCloser, error) {
	return l.download(ctx, wire.Request{Op: wire.Archive}, func(r wire.Reply) { *left = r.Left })
}

// download is what a request answers with; then gets the reply that follows it.
func (l *Link) download(ctx context.Context, request wire.Request, then func(wire.Reply)) (io.ReadCloser, error) {
	stream, release, err := l.stream(ctx, request)
	if err != nil {
		return nil, err
	}
	data := wire.NewDataReader(stream)
	data.After = func() error {
		reply, err := l.reply(ctx, stream)
		if err == nil {
			then(reply)
		}
		return err
	}
	return &download{ctx: ctx, link: l, data: data, release: release}, nil
}

type download struct {
	ctx     context.Context // of the request, which is this reader's whole life
	link    *Link
	data    *wire.DataReader
	release func()
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.data.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, yamux.ErrTimeout) {
		err = d.link.broken(d.ctx, err)
	}
	return n, err
}

func (d *download) Close() error {
	d.release()
	return nil
}

// Halt kills all commands.
func (l *Link) Halt(ctx context.Context) error {
	_, err := l.ask(ctx, wire.Request{Op: wire.Halt})
	return err
}

// Usage is what can be known from inside.
func (l *Link) Usage(ctx context.Context) (sandbox.Stats, error) {
	reply, err := l.ask(ctx, wire.Request{Op: wire.Usage})
	if err != nil {
		return sandbox.Stats{}, err
	}
	if reply.Usage == nil {
		return sandbox.Stats{}, errors.New("a reply without figures")
	}
	return *reply.Usage, nil
}
