package watch

// batches counts how many watchers have which batch of events, to tell a publisher
// when to go on.
type batches struct {
	events  int64          // of one watcher in a batch; 0: nothing is counted
	enough  int32          // watchers
	reached [1 << 12]int32 // a ring by batch
	owed    int
	credit  func(n int)
}

// Count calls credit with the number of batches that a share of the watchers have got
// since the last call. A batch is that many events for each watcher.
func (c *Crowd) Count(events int, share float64, credit func(n int)) {
	c.count = batches{events: int64(events), enough: int32(max(share*float64(c.Subscribed), 1)), credit: credit}
	for _, w := range c.watchers {
		w.begun = w.Received
	}
}

// CountNothing ends Count.
func (c *Crowd) CountNothing() { c.count = batches{} }

func (b *batches) event(w *Watcher) {
	if b.events == 0 {
		return
	}
	got := w.Received - w.begun
	if got%b.events != 0 {
		return
	}
	at := (got / b.events) % int64(len(b.reached))
	if b.reached[at]++; b.reached[at] == b.enough {
		b.owed++
		// Long before the ring comes round everybody has been here: who hasn't would
		// have been disconnected.
		b.reached[(at+int64(len(b.reached))/2)%int64(len(b.reached))] = 0
	}
}

func (b *batches) pay() {
	if b.owed > 0 {
		b.credit(b.owed)
		b.owed = 0
	}
}

// lateness is how long after their time events came.
type lateness struct {
	on     bool
	micros []int64
}

// Listen begins to note how late events are, by the times that their texts consist of
// or begin with.
func (c *Crowd) Listen() { c.late = lateness{on: true, micros: c.late.micros[:0]} }

// Late ends Listen and returns what it noted, in microseconds. It is overwritten by
// the next Listen.
func (c *Crowd) Late() []int64 {
	c.late.on = false
	return c.late.micros
}

// Stamp is the length of a time in a text: microseconds since 1970 in 16 digits, and
// a blank.
const Stamp = 17

func (l *lateness) note(text []byte, now int64) {
	for ; len(text) >= Stamp; text = text[Stamp:] {
		var at int64
		for _, digit := range text[:Stamp-1] {
			if digit < '0' || digit > '9' {
				return
			}
			at = 10*at + int64(digit-'0')
		}
		l.micros = append(l.micros, now-at)
	}
}

// Heard is how many times have been noted since Listen.
func (c *Crowd) Heard() int { return len(c.late.micros) }
