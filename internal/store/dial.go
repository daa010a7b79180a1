package store

import (
	"context"
	"net"
	"time"
)

// vanished is how long a database's machine may leave what was sent to it unconfirmed
// until the connection is broken. Without it that takes a quarter of an hour, and what
// waits for an answer meanwhile doesn't hear its context end.
const vanished = 20 * time.Second

// noticing connects to PostgreSQL such that it is noticed when the other machine is no
// longer there.
type noticing struct{}

func (noticing) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 2},
		Control:         breakOffVanished,
	}
	return d.DialContext(ctx, network, address)
}

func (n noticing) Dial(network, address string) (net.Conn, error) {
	return n.DialContext(context.Background(), network, address)
}

func (n noticing) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return n.DialContext(ctx, network, address)
}
