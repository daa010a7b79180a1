package faulttest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStacksAreToldInShort(t *testing.T) {
	t.Parallel()
	const stacks = `{"level":"INFO","msg":"serving"}
SIGQUIT: quit

goroutine 1 [select, 4 minutes]:
github.com/zeblit/zeblit/internal/server/sseproto.(*stream).write(0xc0001, {0x1, 0x2})
	/src/stream.go:130 +0x1c
net/http.(*conn).serve(0xc0002)
	/go/server.go:1 +0x2
github.com/zeblit/zeblit/internal/server/sseproto.(*Handler).ServeHTTP(0xc1)
	/src/handler.go:1 +0x1

goroutine 7 [select]:
github.com/zeblit/zeblit/internal/server/sseproto.(*stream).write(0xc0009, {0x3, 0x4})
	/src/stream.go:130 +0x1c
github.com/zeblit/zeblit/internal/server/sseproto.(*Handler).ServeHTTP(0xc2)
	/src/handler.go:1 +0x1

goroutine 8 [IO wait]:
internal/poll.runtime_pollWait(0x1, 0x2)
	/go/netpoll.go:1 +0x2

goroutine 9 [chan receive]:
github.com/zeblit/zeblit/internal/app.Run.func1()
	/src/app.go:1 +0x1
created by github.com/zeblit/zeblit/internal/app.Run in goroutine 1
	/src/app.go:2 +0x1
`
	require.Equal(t, []string{
		"   2 × select: internal/server/sseproto.(*stream).write ← internal/server/sseproto.(*Handler).ServeHTTP",
		"   1 × chan receive: internal/app.Run.func1",
	}, doing([]byte(stacks)))
}

func TestAWatcherThatMissedSomethingSaysHowItStood(t *testing.T) {
	t.Parallel()
	p := &Project{ID: "p"}
	w := &watcher{kind: "test", project: p, sight: sight{name: "all"}, records: []*record{{}}}
	p.watchers = []*watcher{w}
	w.subscribe()
	v := &Verdict{}
	checkWatchers(p, logOf(3), v)
	require.Contains(t, v.Worst()[0], "told to subscribe 1 times, connected by itself 0 times, it has never heard anything")
	w.again()
	w.take(w.sight.raw(logOf(1)[0]))
	require.Regexp(t, `connected by itself 1 times, it heard the last \d+s ago`, w.String())
}
