package faulttest

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Proxy carries connections to one service, until told to cut or stall them.
type Proxy struct {
	listener net.Listener
	network  string
	address  string // of the service
	group    sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	until time.Time // nothing is carried before
	tears bool      // see Tear
}

// NewProxy listens on a free port.
func NewProxy(network, address string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, network: network, address: address, conns: map[net.Conn]struct{}{}}
	p.group.Go(p.accept)
	return p, nil
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut ends all connections, and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns) / 2
	for c := range p.conns {
		_ = c.Close()
	}
	return n
}

// Stall makes everything wait for a while, without an error: a cable pulled and put
// back.
func (p *Proxy) Stall(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(d)
}

// Close cuts everything and takes no more.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.Stall(0)
	p.Cut()
	p.group.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.group.Go(func() { p.carry(near) })
	}
}

func (p *Proxy) carry(near net.Conn) {
	p.wait()
	far, err := net.Dial(p.network, p.address)
	if err != nil {
		_ = near.Close()
		return
	}
	p.mu.Lock()
	p.conns[near], p.conns[far] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(far, near) })
	both.Go(func() { p.copy(near, far) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, near)
	delete(p.conns, far)
	p.mu.Unlock()
}

// copy ends both directions when one ends.
func (p *Proxy) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.wait()
		if n > 0 {
			if p.torn() {
				_, _ = to.Write(buffer[:n/2])
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return // io.EOF too
		}
	}
}

func (p *Proxy) wait() {
	for {
		p.mu.Lock()
		left := time.Until(p.until)
		p.mu.Unlock()
		if left <= 0 {
			return
		}
		time.Sleep(min(left, 50*time.Millisecond))
	}
}
