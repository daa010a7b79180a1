package server

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall lacks.
const tcpUserTimeout = 0x12

// limitUnacknowledged ends the connection when what was sent is not acknowledged
// for that long. Otherwise the kernel sends again for a quarter of an hour: probes
// are not sent while there is data under way, and a stream's heartbeats are data.
func limitUnacknowledged(c *net.TCPConn, after time.Duration) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(after.Milliseconds()))
	}); err != nil {
		return err
	}
	return failed
}
