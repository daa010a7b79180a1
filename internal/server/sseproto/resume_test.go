package sseproto_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server/sseproto"
)

// counting makes `events` count from behind `after`, a thousand events, and refuse what
// is no number as the API refuses a malformed cursor.
func (b *testBundle) counting() {
	b.schema.Events = func(ctx context.Context, after any) <-chan string {
		events := make(chan string)
		n := 0
		if text, ok := after.(string); ok {
			if _, err := fmt.Sscanf(text, "c%d", &n); err != nil {
				go func() { defer close(events); events <- `{"cursor":"malformed"}` }()
				return events
			}
		}
		go func() {
			for range 1000 { // which the queue holds, however slow the reader is
				n++
				select {
				case events <- fmt.Sprintf(`{"cursor":"c%d"}`, n):
				case <-ctx.Done():
					return
				}
			}
			<-ctx.Done()
		}()
		return events
	}
}

func TestTheCursorIsTheEventsID(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.counting()
	r := b.post("subscription{events{cursor}}").streaming()
	for n := 1; n <= 50; n++ {
		cursor := fmt.Sprintf("c%d", n)
		require.Equal(t, cursor, r.next(`{"data":{"events":{"cursor":"`+cursor+`"}}}`))
	}
}

func TestOnlyAStringThatFitsALineIsAnID(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	for _, event := range []string{
		`{"text":"no cursor"}`, `null`, `{"cursor":null}`, `{"cursor":7}`, `{"cursor":{}}`, `{"cursor":""}`, `{"cursor":"a\nevent: complete"}`,
		`{"cursor":"a\r"}`, `{"cursor":"\u0000"}`, `{"cursor":"é"}`, `{"cursor":"` + strings.Repeat("x", 257) + `"}`,
	} {
		events := make(chan string, 1)
		events <- event
		close(events)
		b.schema.Events = func(context.Context, any) <-chan string { return events }
		r := b.post("subscription{events{cursor}}").streaming()
		require.Empty(t, r.next(`{"data":{"events":`+event+`}}`), event)
		r.completed()
	}
}

func TestLineEndsBetweenTokensDoNotBreakAnEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.schema.Events = func(context.Context, any) <-chan string {
		events := make(chan string, 1)
		events <- "{\n\"cursor\":\r\n\"c1\"\n}\n"
		close(events)
		return events
	}
	r := b.post("subscription{events{cursor}}").streaming()
	require.Equal(t, "c1", r.next(`{"data":{"events":{"cursor":"c1"}}}`))
	r.completed()
}

func TestLastEventIDStandsInForAfter(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.counting()
	const first, resumed = `{"data":{"events":{"cursor":"c42"}}}`, `{"data":{"events":{"cursor":"c8"}}}`
	for _, query := range []string{
		"subscription($from: String){events(after:$from){cursor}}",
		`subscription{events(after:"c41"){cursor}}`,
		`subscription{...F} fragment F on Subscription{events(after:"c41"){cursor}}`,
		`subscription{... on Subscription{events(after:"c41"){cursor}}}`,
		"subscription($from: String){...F} fragment F on Subscription{events(after:$from){cursor}}",
	} {
		values := url.Values{"query": {query}, "variables": {`{"from":"c41"}`}}
		b.get(values).streaming().next(first)
		b.get(values, "Last-Event-ID", "c7").streaming().next(resumed)
	}
	const plain = "subscription{events{cursor}}"
	b.post(plain).streaming().next(`{"data":{"events":{"cursor":"c1"}}}`)
	b.post(plain, "Last-Event-ID", "c7").streaming().next(resumed)
	b.post("subscription($from: String){events(after:$from){cursor}}", "Last-Event-ID", "c7").streaming().next(resumed)
	b.post(`{name}`, "Last-Event-ID", "c7").streaming().next(`{"data":{"name":"test"}}`)
}

func TestAMalformedLastEventIDIsAMalformedCursor(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	b.counting()
	r := b.post("subscription{events{cursor}}", "Last-Event-ID", "nonsense").streaming()
	r.next(`{"data":{"events":{"cursor":"malformed"}}}`)
	r.completed()
}

func TestASubscriptionWithoutAfterIgnoresTheHeader(t *testing.T) {
	t.Parallel()
	b := setup(t, sseproto.Config{})
	ticks := b.ticking()
	r := b.do(http.MethodPost, b.url, `{"query":"subscription{ticks}"}`, "Content-Type", "application/json", "Last-Event-ID", "c1").streaming()
	ticks <- "a"
	r.next(`{"data":{"ticks":"a"}}`)
}
