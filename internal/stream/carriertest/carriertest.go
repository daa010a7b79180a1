// Package carriertest is what every stream.Carrier must do.
package carriertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/stream"
)

// Test runs the suite. open makes two carriers that reach each other, as two nodes
// of one installation have them; where there is one node only, the same one twice.
func Test(t *testing.T, open func(t *testing.T) (publisher, subscriber stream.Carrier)) {
	for name, test := range map[string]func(*testing.T, *bundle){
		"EventsArriveWhole":        eventsArriveWhole,
		"OrderOfOnePublisher":      orderOfOnePublisher,
		"OnlyTheProject":           onlyTheProject,
		"NothingAfterCancel":       nothingAfterCancel,
		"OneAtATime":               oneAtATime,
		"NobodyListens":            nobodyListens,
		"CancelOneOfTwo":           cancelOneOfTwo,
		"SubscribeAgain":           subscribeAgain,
		"SubscribeWhilePublishing": subscribeWhilePublishing,
		"BecomesHealthy":           becomesHealthy,
		"ManyProjects":             manyProjects,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publisher, subscriber := open(t)
			b := &bundle{publisher, subscriber}
			b.run(t, publisher)
			if subscriber != publisher {
				b.run(t, subscriber)
			}
			test(t, b)
		})
	}
	t.Run("Alone", func(t *testing.T) {
		t.Parallel()
		testAlone(t, open)
	})
}

// testAlone is what a carrier must do before Run, and after it.
func testAlone(t *testing.T, open func(t *testing.T) (publisher, subscriber stream.Carrier)) {
	c, _ := open(t)
	l := &listener{}
	cancel := c.Subscribe("prj_a", l.hear, l.missed)
	big := event("prj_a", 1)
	big.Payload = json.RawMessage(`{"v":1,"text":"` + strings.Repeat("x", 50<<10) + `"}`)
	flood := func() { // more than any carrier keeps; that it returns is the test
		for range 1000 {
			_ = c.Publish(t.Context(), []stream.Event{big})
		}
	}
	flood()
	require.Len(t, l.heard(), 1000, "a node hears itself without its connection")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop()
	require.NoError(t, <-done)
	flood()
	require.Len(t, l.heard(), 2000)
	cancel()
	_ = c.Publish(t.Context(), []stream.Event{big})
	require.Len(t, l.heard(), 2000)
}

type bundle struct{ publisher, subscriber stream.Carrier }

func (b *bundle) run(t *testing.T, c stream.Carrier) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
}

// listener notes what it is told. Numbers below 1 are for warming up.
type listener struct {
	mu     sync.Mutex
	warm   bool
	events []stream.Event
	gaps   int
	cancel func()
}

func (l *listener) missed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gaps++
}

func (l *listener) hear(e stream.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Seq < 1 {
		l.warm = true
		return
	}
	l.events = append(l.events, e)
}

func (l *listener) heard() []stream.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]stream.Event(nil), l.events...)
}

// listen returns once the subscription reaches the other node: a carrier may take a
// while for that, in which it loses events.
func (b *bundle) listen(t *testing.T, project string) *listener {
	t.Helper()
	l := &listener{}
	l.cancel = b.subscriber.Subscribe(project, l.hear, l.missed)
	t.Cleanup(l.cancel)
	require.Eventually(t, func() bool {
		_ = b.publisher.Publish(t.Context(), []stream.Event{event(project, 0)})
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.warm
	}, time.Minute, 5*time.Millisecond)
	return l
}

func (b *bundle) publish(t *testing.T, events ...stream.Event) {
	t.Helper()
	require.NoError(t, b.publisher.Publish(t.Context(), events))
}

func event(project string, seq int64) stream.Event {
	return stream.Event{
		Project: project, Seq: seq, Type: enum.EventRunStateChanged, RunID: "run_1",
		At:      time.UnixMicro(1_700_000_000_123_456).UTC(),
		Payload: json.RawMessage(fmt.Sprintf(`{"v":1,"n":%d,"text":"<ü> \u2028 🎈"}`, seq)),
	}
}

func upTo(project string, n int64) []stream.Event {
	var out []stream.Event
	for seq := int64(1); seq <= n; seq++ {
		out = append(out, event(project, seq))
	}
	return out
}

func (l *listener) requireHears(t *testing.T, want []stream.Event) {
	t.Helper()
	require.Eventually(t, func() bool { return len(l.heard()) >= len(want) }, time.Minute, time.Millisecond)
	require.Equal(t, want, l.heard())
}

func eventsArriveWhole(t *testing.T, b *bundle) {
	l := b.listen(t, "prj_a")
	big := event("prj_a", 1)
	big.Payload = json.RawMessage(`{"v":1,"text":"` + strings.Repeat("x", 60<<10) + `"}`)
	big.RunID = ""
	b.publish(t, big, event("prj_a", 2))
	l.requireHears(t, []stream.Event{big, event("prj_a", 2)})
}

func orderOfOnePublisher(t *testing.T, b *bundle) {
	l := b.listen(t, "prj_a")
	want := upTo("prj_a", 300)
	for _, e := range want {
		b.publish(t, e)
	}
	l.requireHears(t, want)
}

func onlyTheProject(t *testing.T, b *bundle) {
	one, two := b.listen(t, "prj_a"), b.listen(t, "prj_b")
	b.publish(t, event("prj_a", 1), event("prj_b", 1), event("prj_c", 1), event("prj_a", 2))
	one.requireHears(t, upTo("prj_a", 2))
	two.requireHears(t, upTo("prj_b", 1))
}

func nothingAfterCancel(t *testing.T, b *bundle) {
	l, other := b.listen(t, "prj_a"), b.listen(t, "prj_a")
	l.cancel()
	l.cancel() // twice does no harm
	b.publish(t, upTo("prj_a", 3)...)
	other.requireHears(t, upTo("prj_a", 3))
	require.Empty(t, l.heard())
}

func oneAtATime(t *testing.T, b *bundle) {
	var mu sync.Mutex
	var overlaps, calls int
	cancel := b.subscriber.Subscribe("prj_a", func(stream.Event) {
		if !mu.TryLock() {
			overlaps++
			return
		}
		defer mu.Unlock()
		calls++
	}, func() {})
	l := b.listen(t, "prj_a")
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() {
			for i := range 50 {
				_ = b.publisher.Publish(t.Context(), []stream.Event{event("prj_a", int64(1+p*50+i))})
			}
		})
	}
	publishers.Wait()
	require.Eventually(t, func() bool { return len(l.heard()) == 200 }, time.Minute, time.Millisecond)
	cancel()
	require.Zero(t, overlaps)
	require.GreaterOrEqual(t, calls, 200)
}

func nobodyListens(t *testing.T, b *bundle) {
	b.publish(t, event("prj_a", 1))
	b.publish(t)
}

func cancelOneOfTwo(t *testing.T, b *bundle) {
	one, two := b.listen(t, "prj_a"), b.listen(t, "prj_a")
	b.publish(t, event("prj_a", 1))
	one.requireHears(t, upTo("prj_a", 1))
	two.requireHears(t, upTo("prj_a", 1))
	one.cancel()
	b.publish(t, event("prj_a", 2))
	two.requireHears(t, upTo("prj_a", 2))
	require.Len(t, one.heard(), 1)
}

func subscribeWhilePublishing(t *testing.T, b *bundle) {
	l := b.listen(t, "prj_a")
	var work sync.WaitGroup
	work.Go(func() {
		for _, e := range upTo("prj_a", 200) {
			_ = b.publisher.Publish(t.Context(), []stream.Event{e})
		}
	})
	for range 4 {
		work.Go(func() {
			for range 50 {
				b.subscriber.Subscribe("prj_a", func(stream.Event) {}, func() {})()
			}
		})
	}
	work.Wait()
	l.requireHears(t, upTo("prj_a", 200))
}

func subscribeAgain(t *testing.T, b *bundle) {
	for range 20 {
		l := b.listen(t, "prj_a")
		l.cancel()
	}
	l := b.listen(t, "prj_a")
	b.publish(t, upTo("prj_a", 3)...)
	l.requireHears(t, upTo("prj_a", 3))
}

func becomesHealthy(t *testing.T, b *bundle) {
	require.Eventually(t, b.publisher.Healthy, time.Minute, time.Millisecond)
	require.Eventually(t, b.subscriber.Healthy, time.Minute, time.Millisecond)
}

func manyProjects(t *testing.T, b *bundle) {
	var listeners []*listener
	for i := range 50 {
		listeners = append(listeners, b.listen(t, fmt.Sprint("prj_", i)))
	}
	var all []stream.Event
	for seq := int64(1); seq <= 4; seq++ {
		for i := range listeners {
			all = append(all, event(fmt.Sprint("prj_", i), seq))
		}
	}
	b.publish(t, all...)
	for i, l := range listeners {
		l.requireHears(t, upTo(fmt.Sprint("prj_", i), 4))
	}
}
