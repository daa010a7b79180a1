package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/wire"
)

func TestDataEndsWithWhatTheReplySays(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	data := &wire.DataWriter{To: &stream}
	text := strings.Repeat("0123456789", 20_000)
	_, err := io.WriteString(data, text)
	require.NoError(t, err)
	require.NoError(t, data.Close())
	require.NoError(t, wire.WriteJSON(&stream, wire.Failed(fmt.Errorf("get x: %w", sandbox.ErrChanged))))

	reader := wire.NewDataReader(&stream)
	reader.After = func() error {
		var reply wire.Reply
		return errors.Join(wire.ReadJSON(&stream, &reply), reply.Err())
	}
	got, err := io.ReadAll(reader)
	require.ErrorIs(t, err, sandbox.ErrChanged)
	require.Equal(t, text, string(got))
}

func TestACutIsNoEnd(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	data := &wire.DataWriter{To: &stream}
	_, err := io.WriteString(data, "half")
	require.NoError(t, err)
	_, err = io.ReadAll(wire.NewDataReader(&stream))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// FuzzRead shows that what comes from inside can't make this side hold more than it says.
func FuzzRead(f *testing.F) {
	var frame bytes.Buffer
	require.NoError(f, wire.Write(&frame, wire.Stdout, []byte("hello")))
	f.Add(frame.Bytes())
	f.Add([]byte{byte(wire.JSON), 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{byte(wire.Data), 0, 2, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		from := bytes.NewReader(raw)
		for {
			kind, data, err := wire.Read(from, nil)
			if err != nil {
				return
			}
			if kind != wire.JSON {
				require.LessOrEqual(t, len(data), wire.MaxData)
			}
		}
	})
}
