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

func (p playedProcess) Wait(context.Context) (sandbox.Exit, error) { return sandbox.Exit{Code: 3}, nil }
func (p playedProcess) Close() error                               { return nil }

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
			time.Sleep(2 * time.Second)
			got.Write(c.Data)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 3, exit.Code)
		require.Equal(t, "line\nline\nline\nline\nline\n", got.String())
	})
}

func TestDaemonsHoldNoCommand(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(int) ([]byte, time.Duration, error){
		"silent":        func(int) ([]byte, time.Duration, error) { return nil, time.Hour, nil },
		"now and then":  func(int) ([]byte, time.Duration, error) { return []byte("tick\n"), 100 * time.Millisecond, nil },
		"without pause": func(int) ([]byte, time.Duration, error) { return make([]byte, 64<<10), time.Microsecond, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				exit, err := sandbox.Run(t.Context(), &played{next: next}, sandbox.Command{}, nil)
				require.NoError(t, err)
				require.Equal(t, 3, exit.Code)
				require.LessOrEqual(t, time.Since(began), time.Second) // as the test's clock counts
			})
		})
	}
}
