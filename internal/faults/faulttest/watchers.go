package faulttest

import (
	"context"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"sync"
	"time"
)

// The kinds of watchers.
const (
	terminal  = "Go client"
	socket    = "raw WebSocket"
	ssePost   = "raw SSE, POST"
	sseGet    = "raw SSE, GET"
	stalledWS = "stalled WebSocket"
	stalledES = "stalled SSE"
	graphqlWS = "graphql-ws"
	apollo    = "Apollo Client"
	graphqlES = "graphql-sse"
)

// kinds are dealt to the watchers, as often as they are here.
var kinds = []string{
	terminal, terminal, terminal,
	socket, socket, socket, socket, socket, socket,
	ssePost, ssePost, sseGet, sseGet,
	stalledWS, stalledWS, stalledWS, stalledES,
	graphqlWS, graphqlWS, graphqlWS, apollo, apollo, graphqlES, graphqlES, graphqlES,
}

// inNode are the kinds of other people's clients.
var inNode = []string{graphqlWS, apollo, graphqlES}

// deal draws n watchers' kinds and sights: each kind in its share, those of Node only
// where there is Node, and the Go client with what it can ask for.
func deal(n int, node bool, random *mrand.Rand) (drawn []string, seen []sight) {
	deck := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return !node && slices.Contains(inNode, k) })
	random.Shuffle(len(deck), func(i, k int) { deck[i], deck[k] = deck[k], deck[i] })
	views := slices.Clone(sights)
	random.Shuffle(len(views), func(i, k int) { views[i], views[k] = views[k], views[i] })
	next := 0
	for i := range n {
		kind, view := deck[i%len(deck)], sight{name: "all"}
		switch kind {
		case stalledWS, stalledES: // what overflows is worth most
		case terminal:
			view.runs = i%4 == 3
		default:
			view = views[next%len(views)]
			next++
		}
		if view.runs {
			view.name = "runs"
		}
		drawn, seen = append(drawn, kind), append(seen, view)
	}
	return drawn, seen
}

// Watch gives each project so many subscribers: two of the Go client, or of every kind
// where there are more. clients is the program from BuildClients; "": none of those.
func (l *Load) Watch(watchers int, clients string, random *mrand.Rand) error {
	var drawn []string
	var seen []sight
	if watchers <= 2 {
		for range watchers * len(l.Projects) {
			drawn, seen = append(drawn, terminal), append(seen, sight{name: "all"})
		}
	} else {
		drawn, seen = deal(watchers*len(l.Projects), clients != "", random)
	}
	for i, kind := range drawn {
		p := l.Projects[i%len(l.Projects)]
		p.watchers = append(p.watchers, &watcher{kind: kind, project: p, sight: seen[i]})
	}
	hosts := map[string]*host{}
	for _, kind := range inNode {
		if !slices.Contains(drawn, kind) {
			continue
		}
		h, err := startHost(l, clients, kind)
		if err != nil {
			return fmt.Errorf("start %s: %w", kind, err)
		}
		hosts[kind] = h
	}
	for _, p := range l.Projects {
		if err := l.seat(p, hosts); err != nil {
			return err
		}
	}
	return nil
}

// together is how many watchers share a socket.
const together = 3

// seat starts a project's watchers.
func (l *Load) seat(p *Project, hosts map[string]*host) error {
	byKind := map[string][]*watcher{}
	for _, w := range p.watchers {
		byKind[w.kind] = append(byKind[w.kind], w)
	}
	for kind, all := range byKind {
		switch kind {
		case socket, stalledWS:
			for group := range slices.Chunk(all, together) {
				l.watching.Go(func() { l.followSocket(l.ctx, group) })
			}
			continue
		}
		for _, w := range all {
			switch kind {
			case terminal:
				l.watching.Go(func() { l.followClient(l.ctx, w) })
			case ssePost, sseGet, stalledES:
				l.watching.Go(func() { l.followStream(l.ctx, w) })
			default:
				seat, err := hosts[kind].seat(w)
				if err != nil {
					return err
				}
				l.watching.Go(func() { seat.follow(l.ctx) })
			}
		}
	}
	return nil
}

// Leave lets all be calm, waits until every subscriber has what is in the log, or
// patience ends, and ends them. Where one hasn't, it shows what the servers are doing first.
func (l *Load) Leave(ctx context.Context) {
	l.calmOnce.Do(func() { close(l.calm) })
	end, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	behind := 0
	for _, p := range l.Projects {
		for _, w := range p.watchers {
			if !w.caughtUp(end, l.in) {
				behind++
			}
		}
	}
	if behind > 0 && l.ctx.Err() == nil {
		l.in.logf("%d watchers are behind", behind)
		l.in.showServers()
	}
	l.leave()
	l.watching.Wait()
}

// isCalm reports that no watcher is to be cut or stalled any more.
func (l *Load) isCalm() bool {
	select {
	case <-l.calm:
		return true
	default:
		return false
	}
}

// unlessCalm does something after a while, unless all is calm then.
func (l *Load) unlessCalm(after time.Duration, do func()) (stop func() bool) {
	return time.AfterFunc(after, func() {
		if !l.isCalm() {
			do()
		}
	}).Stop
}

// rest waits, unless all is calm before.
func (l *Load) rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-l.calm:
	case <-time.After(d):
	}
}

// moment is a random length of time.
func moment(least, most time.Duration) time.Duration { return least + mrand.N(most-least) }

// idle is how long a watcher stalls: a moment, or long enough to be found too slow, which
// takes a server ten seconds once nothing more can be sent.
func idle() time.Duration {
	if mrand.IntN(2) == 0 {
		return moment(time.Second, 5*time.Second)
	}
	return moment(12*time.Second, 20*time.Second)
}

// Watching is what the watchers of one kind have to show.
type Watching struct {
	Watchers, Delivered, Resumed int
	Slow                         int // connections that the server ended as read too slowly
}

// Watched is what the watchers of each kind have to show so far.
func (l *Load) Watched() map[string]Watching {
	all := map[string]Watching{}
	for _, p := range l.Projects {
		for _, w := range p.watchers {
			delivered, resumed, slow := w.counts()
			t := all[w.kind]
			all[w.kind] = Watching{t.Watchers + 1, t.Delivered + delivered, t.Resumed + resumed, t.Slow + slow}
		}
	}
	return all
}

// Delivered is how many events all watchers have got so far, and how often they went on.
func (l *Load) Delivered() (delivered, resumed int) {
	for _, t := range l.Watched() {
		delivered += t.Delivered
		resumed += t.Resumed
	}
	return delivered, resumed
}

// quiet is embedded by Load: closed once no watcher is to be disturbed any more.
type quiet struct {
	calm     chan struct{}
	calmOnce sync.Once
}
