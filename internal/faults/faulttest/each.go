package faulttest

import (
	"context"
	"time"
)

const (
	// eachPatience is how long workers may take until one of them comes to a point, and
	// eachTries is how often they are started anew where none does.
	eachPatience = 40 * time.Second
	eachTries    = 4
)

// killAtEach has all workers come to one point after the other, each time until one has
// died there; the others die with it, wherever they are. told hears of each point.
func (in *Installation) killAtEach(ctx context.Context, points []string, told func(point string, died bool)) error {
	for n, point := range points {
		died := false
		for try := 0; try < eachTries && !died; try++ {
			dead, err := in.restartWorkers(point)
			if err != nil {
				return err
			}
			select {
			case <-dead:
				died = true
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(eachPatience):
			}
		}
		told(point, died)
		in.o.Logf("%d of %d: %s, died: %t", n+1, len(points), point, died)
	}
	_, err := in.restartWorkers("")
	return err
}

// restartWorkers kills the workers that there are and starts others, with a fault; dead
// tells of each of them that dies.
func (in *Installation) restartWorkers(fault string) (dead <-chan struct{}, err error) {
	slots := in.working()
	ended := make(chan struct{}, len(slots))
	for _, slot := range slots {
		if slot.Running() {
			slot.Kill()
		}
		if err := slot.Start(fault); err != nil {
			return nil, err
		}
		done := slot.current().done
		go func() {
			<-done
			ended <- struct{}{}
		}()
	}
	return ended, nil
}
