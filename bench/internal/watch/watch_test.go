package watch_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/bench/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// scripted is a server that gives each subscription, in the order in which they come,
// the events of these numbers; a 0 closes the socket, with 4508, once it is subscribed.
func scripted(t *testing.T, scripts ...[]int) (address string, after *[]string) {
	after = new([]string)
	var mu sync.Mutex // sockets may come at once
	upgrader := websocket.Upgrader{Subprotocols: []string{"graphql-transport-ws"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.Close() }()
		full := false
		for {
			var m struct {
				Type, ID string
				Payload  struct{ Variables struct{ After string } }
			}
			if ws.ReadJSON(&m) != nil {
				return
			}
			switch m.Type {
			case "connection_init":
				_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_ack"}`))
			case "ping":
				_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"pong"}`))
				if full {
					_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4508, "slow"))
				}
			case "subscribe":
				mu.Lock()
				*after = append(*after, m.Payload.Variables.After)
				script := scripts[0]
				scripts = scripts[1:]
				mu.Unlock()
				for _, n := range script {
					if full = n == 0; full {
						continue
					}
					id, _ := json.Marshal(m.ID)
					_ = ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil,
						`{"id":%s,"type":"next","payload":{"data":{"event":{"cursor":"c%d","seq":%d,"text":"%016d %016d words"}}}}`,
						id, n, n, time.Now().Add(-time.Hour).UnixMicro(), time.Now().UnixMicro()))
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), after
}

func crowd(t *testing.T, o watch.Options) *watch.Crowd {
	c, err := watch.New(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestWhatIsWrongWithNumbersIsCounted(t *testing.T) {
	address, _ := scripted(t, []int{1, 2, 3}, []int{1, 3}, []int{1, 2, 2}, []int{2, 1})
	c := crowd(t, watch.Options{Address: address, Opening: 1})
	watchers := c.Join(watch.Project{ID: "p"}, 4)
	require.NoError(t, c.Open(patience))
	require.NoError(t, c.Drive(patience, func() bool { return c.Delivered == 10 }))
	require.Equal(t, 2, c.Gaps, "3 after 1, 2 at the beginning")
	require.Equal(t, 2, c.Doubles, "2 after 2, 1 after 2")
	require.Error(t, c.Problem())
	require.EqualValues(t, 3, watchers[0].Last)
}

func TestAnEndedSocketResumesAfterItsLastEvent(t *testing.T) {
	address, after := scripted(t, []int{1, 2, 0}, []int{3})
	c := crowd(t, watch.Options{Address: address, Again: func() time.Duration { return time.Millisecond }})
	w := c.Join(watch.Project{ID: "p", From: "start"}, 1)[0]
	require.NoError(t, c.Drive(patience, func() bool { return w.Last == 3 && w.Subscribed() }))
	require.Equal(t, []string{"start", "c2"}, *after)
	require.Equal(t, 1, c.Ended)
	require.NoError(t, c.Problem())
}

func TestAnEndIsAProblemWhereNobodyComesBack(t *testing.T) {
	address, _ := scripted(t, []int{1, 0})
	c := crowd(t, watch.Options{Address: address})
	w := c.Join(watch.Project{ID: "p"}, 1)[0]
	require.NoError(t, c.Drive(patience, func() bool { return w.Closed != 0 }))
	require.Equal(t, 4508, w.Closed)
	require.Error(t, c.Problem())
}

func TestLatenessIsNoted(t *testing.T) {
	address, _ := scripted(t, []int{1, 2, 3, 4}, []int{1, 2, 3, 4})
	c := crowd(t, watch.Options{Address: address})
	c.Join(watch.Project{ID: "p"}, 2)
	c.Listen()
	require.NoError(t, c.Open(patience))
	require.NoError(t, c.Drive(patience, func() bool { return c.Delivered == 8 }))
	late := c.Late()
	require.Len(t, late, 16, "two times in each text")
	hour := time.Hour.Microseconds()
	require.GreaterOrEqual(t, late[0], hour)
	require.Less(t, late[1], hour)
}
