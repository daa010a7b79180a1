package faulttest

// Tear ends the connection on which something comes next, in the middle of that.
func (p *Proxy) Tear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tears = len(p.conns) > 0
}

func (p *Proxy) torn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	tears := p.tears
	p.tears = false
	return tears
}
