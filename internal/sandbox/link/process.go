package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

// closePatience bounds how long Close waits for the tree to be killed.
const closePatience = 30 * time.Second

// process is one that was started. A goroutine reads its output ahead by one chunk; a
// second gives it its input.
type process struct {
	link   *Link
	id     int
	stream *yamux.Stream

	chunks  chan chunk    // what was read; the reader waits until somebody takes it
	returns chan []byte   // the buffer that may be used again; one
	closing chan struct{} // closed by Close
	once    sync.Once
	closed  error
	working sync.WaitGroup

	mu     sync.Mutex
	last   []byte // the buffer of the chunk that was given out last
	ending error  // what Next says from now on
}

type chunk struct {
	sandbox.Chunk
	buffer []byte
	err    error
}

// Start is sandbox.Sandbox's.
func (l *Link) Start(ctx context.Context, command sandbox.Command) (sandbox.Process, error) {
	if command.Timeout < 0 {
		return nil, fmt.Errorf("a negative timeout: %s", command.Timeout)
	}
	// A shorter timeout than can be said is still one.
	limit := (command.Timeout + time.Millisecond - 1) / time.Millisecond
	request := wire.Request{Op: wire.Start, Command: &wire.Command{
		Argv: command.Argv, Dir: command.Dir, Env: command.Env,
		Input: command.Stdin != nil, TimeoutMS: int64(limit),
	}}
	starting, done := context.WithCancel(ctx)
	defer done()
	stream, err := l.session.OpenStream()
	if err != nil {
		return nil, l.broken(ctx, err)
	}
	stop := context.AfterFunc(starting, func() { _ = abandon(stream) })
	err = wire.WriteJSON(stream, request)
	var reply wire.Reply
	if err == nil {
		reply, err = l.reply(ctx, stream)
	} else {
		err = l.broken(ctx, err)
	}
	if !stop() && err == nil {
		err = ctx.Err() // it was given up at the last moment
	}
	if err != nil {
		_ = abandon(stream)
		return nil, err
	}
	p := &process{
		link: l, id: reply.Process, stream: stream,
		chunks: make(chan chunk), returns: make(chan []byte, 2), closing: make(chan struct{}),
	}
	for range cap(p.returns) {
		p.returns <- make([]byte, wire.MaxData)
	}
	p.working.Go(p.read)
	if command.Stdin != nil {
		p.working.Go(func() { p.feed(command.Stdin) })
	}
	return p, nil
}

func (p *process) ID() int { return p.id }

func (p *process) read() {
	for {
		var buffer []byte
		select {
		case buffer = <-p.returns:
		case <-p.closing:
			return
		}
		var c chunk
		kind, data, err := wire.Read(p.stream, buffer)
		switch {
		case err != nil:
			c.err = p.link.broken(context.Background(), err)
		case kind == wire.End:
			c.err = io.EOF
		case kind == wire.Stdout || kind == wire.Stderr:
			c = chunk{Chunk: sandbox.Chunk{Stream: sandbox.Stream(kind), Data: data}, buffer: buffer}
		default:
			c.err = fmt.Errorf("a frame of kind %d among output", kind)
		}
		select {
		case p.chunks <- c:
		case <-p.closing:
			return
		}
		if c.err != nil {
			return
		}
	}
}

// feed gives a command its input. A source that waits for ever is left waiting when the
// process is closed, as no reader can be interrupted.
func (p *process) feed(source io.Reader) {
	data := &wire.DataWriter{To: p.stream}
	pieces := make(chan []byte) // taken one at a time, so that the source runs no further ahead
	go func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 32<<10)
			n, err := source.Read(buffer)
			if n > 0 {
				select {
				case pieces <- buffer[:n]:
				case <-p.closing:
					return
				}
			}
			if err != nil {
				return // an input that fails ends
			}
		}
	}()
	for {
		select {
		case piece, more := <-pieces:
			if !more {
				_ = data.Close() // the command may have ended before its input
				return
			}
			if _, err := data.Write(piece); err != nil {
				return
			}
		case <-p.closing:
			return
		}
	}
}

func (p *process) Next(ctx context.Context) (sandbox.Chunk, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending != nil {
		return sandbox.Chunk{}, p.ending
	}
	if p.last != nil {
		p.returns <- p.last // there is room: the reader took it from there
		p.last = nil
	}
	select {
	case c := <-p.chunks:
		p.last, p.ending = c.buffer, c.err
		return c.Chunk, c.err
	case <-p.closing:
		return sandbox.Chunk{}, fmt.Errorf("%w: it was closed", sandbox.ErrNoProcess)
	case <-ctx.Done():
		return sandbox.Chunk{}, ctx.Err()
	}
}

func (p *process) Signal(ctx context.Context, name string) error {
	_, err := p.link.ask(ctx, wire.Request{Op: wire.Signal, Process: p.id, Signal: name})
	return err
}

func (p *process) Wait(ctx context.Context) (sandbox.Exit, error) {
	reply, err := p.link.ask(ctx, wire.Request{Op: wire.Wait, Process: p.id})
	if err != nil {
		return sandbox.Exit{}, err
	}
	if reply.Exit == nil {
		return sandbox.Exit{}, errors.New("a reply without an exit")
	}
	return *reply.Exit, nil
}

// Close also succeeds where the sandbox is gone: nothing is left of the tree then.
func (p *process) Close() error {
	p.once.Do(func() {
		close(p.closing)
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		_, err := p.link.ask(ctx, wire.Request{Op: wire.Finish, Process: p.id})
		_ = abandon(p.stream)
		p.working.Wait()
		if err != nil && !p.link.session.IsClosed() {
			p.closed = err
		}
	})
	return p.closed
}
