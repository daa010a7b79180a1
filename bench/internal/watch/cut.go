package watch

import "syscall"

// The ways in which a watcher may leave, or be less than a good listener. Its events
// are no longer counted on.

// Complete ends the subscription and then the socket, as a good client does.
func (c *Crowd) Complete(w *Watcher) {
	c.send(w, map[string]any{"id": string(w.id), "type": "complete"})
	c.Leave(w)
}

// Leave closes the socket with a close frame, whatever is under way in it.
func (c *Crowd) Leave(w *Watcher) {
	if w.fd >= 0 {
		c.write(w, frame(closeFrame, []byte{1000 >> 8, 1000 & 0xff}))
	}
	c.leave(w)
}

// Reset breaks the connection off.
func (c *Crowd) Reset(w *Watcher) {
	if w.fd >= 0 {
		_ = syscall.SetsockoptLinger(w.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	}
	c.leave(w)
}

func (c *Crowd) leave(w *Watcher) {
	if w.fd >= 0 {
		c.left++
	}
	c.release(w)
}

// Unplug pulls the cable: nothing that the server sends arrives any more, not even at
// the kernel, which therefore acknowledges nothing. Reset frees it.
func (c *Crowd) Unplug(w *Watcher) error {
	c.Stall(w)
	const returnConstant = syscall.BPF_RET | syscall.BPF_K
	return syscall.AttachLsf(w.fd, []syscall.SockFilter{*syscall.LsfStmt(returnConstant, 0)}) //nolint:staticcheck // of package syscall there is no other
}

// Stall stops reading.
func (c *Crowd) Stall(w *Watcher) { _ = c.control(w, syscall.EPOLL_CTL_DEL, 0) }

// Unstall reads again what has been left since Stall, and goes on.
func (c *Crowd) Unstall(w *Watcher) error {
	return c.control(w, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN)
}
