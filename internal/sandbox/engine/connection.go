package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/moby/moby/client"

	"github.com/zeblit/zeblit/internal/sandbox/inside"
)

// dial begins a conversation with a container's process 1.
func (d *Driver) dial(ctx context.Context, containerID string) (io.ReadWriteCloser, error) {
	exec, err := d.api.ExecCreate(ctx, containerID, client.ExecCreateOptions{
		User: fmt.Sprintf("%d:%d", connector, connector), WorkingDir: "/",
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: []string{insideProgram, inside.ConnectWord},
	})
	if err != nil {
		return nil, err
	}
	attached, err := d.api.ExecAttach(ctx, exec.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	return &connection{response: attached.HijackedResponse}, nil
}

// connection is an exec's standard input and output. Frames of both outputs come on one
// stream: a header of eight bytes, which output it is and how long, and the content.
type connection struct {
	response client.HijackedResponse
	left     uint32 // of the frame that is being read
	stderr   strings.Builder
	once     sync.Once
}

// Outputs, as a frame's first byte says.
const (
	standardOutput = 1
	standardError  = 2
	engineError    = 3
)

const longestComplaint = 2 << 10

func (c *connection) Read(p []byte) (int, error) {
	for c.left == 0 {
		var head [8]byte
		if _, err := io.ReadFull(c.response.Reader, head[:]); err != nil {
			return 0, c.because(err)
		}
		size := binary.BigEndian.Uint32(head[4:])
		switch head[0] {
		case standardOutput:
			c.left = size
		case standardError, engineError:
			content := io.LimitReader(c.response.Reader, int64(size))
			if c.stderr.Len() < longestComplaint {
				_, _ = io.CopyN(&c.stderr, content, int64(longestComplaint-c.stderr.Len())) // less is fine
			}
			if _, err := io.Copy(io.Discard, content); err != nil {
				return 0, c.because(err)
			}
		default:
			return 0, fmt.Errorf("a frame of output %d from the container engine", head[0])
		}
	}
	n, err := c.response.Reader.Read(p[:min(len(p), int(c.left))])
	c.left -= uint32(n)
	return n, err
}

func (c *connection) because(err error) error {
	if said := strings.TrimSpace(c.stderr.String()); said != "" {
		return fmt.Errorf("%w (%s)", err, said)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

func (c *connection) Write(p []byte) (int, error) { return c.response.Conn.Write(p) }

func (c *connection) Close() error {
	c.once.Do(c.response.Close)
	return nil
}
