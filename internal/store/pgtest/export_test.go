package pgtest

// StartAt starts a server that hasn't been started, on a port.
func (p *Private) StartAt(port int) error { return p.startAt(port) }

// ErrTaken says that another process has the port.
var ErrTaken = errTaken
