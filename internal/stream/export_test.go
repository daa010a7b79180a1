package stream

import "time"

// GiveUpAfter sets how long a failing commit is repeated, from the next one on.
func GiveUpAfter(d *Deltas, within time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.giveUp = within
}
