package redis

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/stream"
)

func FuzzDecode(f *testing.F) {
	whole := appendEvent(appendEvent(newFrame(nodeID{1}), stream.Event{
		Seq: 1 << 40, Type: enum.EventMessageDelta, RunID: "run_1", At: time.UnixMicro(5), Payload: json.RawMessage(`{}`),
	}), stream.Event{})
	f.Add(string(whole))
	f.Add(string(whole[:len(whole)-3]))
	f.Fuzz(func(t *testing.T, frame string) {
		events, own, err := decode("prj_a", frame, nodeID{2})
		if err != nil || own {
			require.Empty(t, events)
			return
		}
		again := newFrame(nodeID([]byte(frame[1:headerLen])))
		for _, e := range events {
			again = appendEvent(again, e)
		}
		back, _, err := decode("prj_a", string(again), nodeID{2})
		require.NoError(t, err)
		require.Equal(t, events, back)
	})
}
