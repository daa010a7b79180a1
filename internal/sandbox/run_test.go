package sandbox_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// played is a sandbox whose one command ends at once and has its output come as next says.
type played struct {
	sandbox.Sandbox
	left int
	next func(n int) (data []byte, after time.Duration, err error)
	n    int
}

func (p *played) Start(context.Context, sandbox.Command) (sandbox.Process, error) {
	return playedProcess{played: p}, nil
}

type playedProcess struct {
	sandbox.Process
	*played
}

func (p playedProcess) Wait(context.Context) (sandbox.Exit, error) {
	return sandbox.Exit{Code: 3, Left: p.left}, nil
}
func (p playedProcess) Close() error { return nil }

func (p playedProcess) Next(ctx context.Context) (sandbox.Chunk, error) {
	data, after, err := p.next(p.n)
	p.n++
	select {
	case <-time.After(after):
		return sandbox.Chunk{Stream: sandbox.Stdout, Data: data}, err
	case <-ctx.Done():
		return sandbox.Chunk{}, ctx.Err()
	}
}

func TestNothingThatACommandPrintedIsLostToASlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		exit, err := sandbox.Run(t.Context(), &played{next: func(n int) ([]byte, time.Duration, error) {
			if n == 5 {
				return nil, 0, io.EOF
			}
			return []byte("line\n"), time.Millisecond, nil
		}}, sandbox.Command{}, func(c sandbox.Chunk) error {
			time.Sleep(20 * time.Second)
			got.Write(c.Data)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 3, exit.Code)
		require.Equal(t, "line\nline\nline\nline\nline\n", got.String())
	})
}

func TestASlowSandboxIsWaitedForWhereNobodyIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		_, err := sandbox.Run(t.Context(), &played{next: func(n int) ([]byte, time.Duration, error) {
			if n == 1 {
				return nil, 0, io.EOF
			}
			return []byte("line\n"), 4 * time.Second, nil
		}}, sandbox.Command{}, func(c sandbox.Chunk) error {
			got.Write(c.Data)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "line\n", got.String())
	})
}

func TestDaemonsHoldNoCommand(t *testing.T) {
	t.Parallel()
	chunk := make([]byte, sandbox.MaxChunk)
	for name, c := range map[string]struct {
		next   func(int) ([]byte, time.Duration, error)
		keeps  time.Duration // a chunk
		within time.Duration
	}{
		"silent":          {func(int) ([]byte, time.Duration, error) { return nil, time.Hour, nil }, 0, time.Second},
		"now and then":    {func(int) ([]byte, time.Duration, error) { return chunk[:5], 100 * time.Millisecond, nil }, 0, time.Second},
		"without a pause": {func(int) ([]byte, time.Duration, error) { return chunk, 0, nil }, 10 * time.Millisecond, time.Second},
		"as it is read":   {func(int) ([]byte, time.Duration, error) { return chunk[:5], 0, nil }, 10 * time.Millisecond, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				exit, err := sandbox.Run(t.Context(), &played{left: 1, next: c.next}, sandbox.Command{}, func(sandbox.Chunk) error {
					time.Sleep(c.keeps)
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, 3, exit.Code)
				require.LessOrEqual(t, time.Since(began), c.within) // by the test's own clock
			})
		})
	}
}
