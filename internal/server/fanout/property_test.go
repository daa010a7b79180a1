package fanout_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/server/fanout"
	"github.com/zeblit/zeblit/internal/stream"
)

// act is one step of a program.
type act struct {
	Kind   string
	Who    int // which client, as a number to be divided by how many there are
	Events []string
	Settle bool // wait until nothing moves any more
}

var acts = rapid.Custom(func(t *rapid.T) act {
	kinds := rapid.SampledFrom([]string{"", "", "", unwanted, rights, panics, away, rightsAway})
	return act{
		Kind:   rapid.SampledFrom([]string{"append", "append", "append", "join live", "join", "join short", "leave", "stall", "go on", "compact"}).Draw(t, "kind"),
		Who:    rapid.IntRange(0, 1000).Draw(t, "who"),
		Events: rapid.SliceOfN(kinds, 1, 12).Draw(t, "events"),
		Settle: rapid.IntRange(0, 3).Draw(t, "settle") == 0,
	}
})

// TestEveryMemberIsToldEveryEventOnceAndInOrder joins, leaves, stalls and appends in any
// order, waiting for what comes of it only now and then: the group, the members that
// catch up and those that come back from events of their own get in each other's way as
// they like.
func TestEveryMemberIsToldEveryEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		program := rapid.SliceOfN(acts, 1, 60).Draw(rt, "program")
		var err error
		synctest.Test(t, func(*testing.T) { err = perform(program) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func perform(program []act) error {
	h := newHouse(fanout.Config{})
	var clients []*client
	for _, a := range program {
		var who *client
		if len(clients) > 0 {
			who = clients[a.Who%len(clients)]
		}
		switch {
		case a.Kind == "append":
			h.append(a.Events...)
		case a.Kind == "join live":
			clients = append(clients, h.join([]string{"ann", "bob"}[a.Who%2], stream.FromNow, 1<<20))
		case a.Kind == "join":
			clients = append(clients, h.join("ann", int64(a.Who%(len(h.events)+1)), 1<<20))
		case a.Kind == "join short":
			clients = append(clients, h.join("bob", int64(a.Who%(len(h.events)+1)), 4))
		case a.Kind == "compact":
			h.change(func() { h.horizon = int64(len(h.events) / 2) })
		case who == nil:
		case a.Kind == "leave":
			who.leave()
		default:
			who.stall(a.Kind == "stall")
		}
		if a.Settle {
			synctest.Wait()
		}
	}
	for _, c := range clients {
		c.stall(false)
	}
	time.Sleep(time.Hour) // for those that wait for the database
	synctest.Wait()
	var errs []error
	for i, c := range clients {
		if err := h.judge(c); err != nil {
			errs = append(errs, fmt.Errorf("client %d, after %d, with room for %d: %w", i, c.after, c.limit, err))
		}
	}
	for _, c := range clients {
		c.leave()
	}
	h.fanout.Wait()
	synctest.Wait()
	if s := h.fanout.Stats(); h.open != 0 || s.Groups != 0 || s.Members != 0 {
		errs = append(errs, fmt.Errorf("%d readers are left, %d groups and %d members", h.open, s.Groups, s.Members))
	}
	return errors.Join(errs...)
}

// judge compares what a client has read with the log.
func (h *house) judge(c *client) error {
	got, at := c.seen(), c.after
	if c.failed != nil {
		return fmt.Errorf("it was told %w", c.failed)
	}
	for len(got) > 0 {
		var head int64
		if n, _ := fmt.Sscanf(got[0], `{"data":"reset %d"}`, &head); n == 1 {
			if at >= h.horizon {
				return fmt.Errorf("a reset at %d, where the horizon is %d", at, h.horizon)
			}
			got, at = got[1:], head
			continue
		}
		want := h.want(c.user, at)
		if len(want) == 0 || want[0].text != got[0] {
			return fmt.Errorf("behind %d it was told %s, of %v", at, got[0], want)
		}
		got, at = got[1:], want[0].seq
	}
	if rest := h.want(c.user, at); len(rest) > 0 && !c.slow && !c.left {
		return fmt.Errorf("behind %d it was not told %v", at, rest)
	}
	return nil
}

// told is what a client is told of an event.
type told struct {
	seq  int64
	text string
}

// want is what a client is told of the events behind a number.
func (h *house) want(user string, after int64) (all []told) {
	h.journal.mu.Lock()
	defer h.journal.mu.Unlock()
	for _, e := range h.events[after:] {
		who := "all"
		switch e.RunID {
		case unwanted:
			continue
		case rights, rightsAway, panics:
			who = user
		}
		all = append(all, told{e.Seq, fmt.Sprintf(`{"data":"%d for %s"}`, e.Seq, who)})
	}
	return all
}
