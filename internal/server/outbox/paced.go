package outbox

import "context"

// pacedShare is the part of the limit that may be taken when something is pushed that
// can wait. The rest is left to what can't.
const pacedShare = 16

// PushPaced is PushAll once the client has read most of what it was sent, however slowly
// it does: it never fails because there is too much, unless the n messages themselves
// count more than is free then. That a client reads nothing at all is noticed by the write
// that hangs.
func (o *Outbox[M, E]) PushPaced(ctx context.Context, n int, message func(int) M) error {
	for {
		room, err := o.pushPaced(n, message)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pushPaced returns what to wait for where there is no room yet.
func (o *Outbox[M, E]) pushPaced(n int, message func(int) M) (room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending != nil || o.bytes <= o.rules.Limit/pacedShare {
		return nil, o.pushAll(n, message)
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room, nil
}

// released tells those who wait for room, when there is some.
func (o *Outbox[M, E]) released() {
	if o.room != nil && o.bytes <= o.rules.Limit/pacedShare {
		close(o.room)
		o.room = nil
	}
}
