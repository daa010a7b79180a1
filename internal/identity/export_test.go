package identity

// Cheap makes hashing quick, which is not what the tests are about.
func (o Options) Cheap() Options {
	o.cost = cost{memory: 64, time: 1, threads: 1}
	return o
}

// Hash is a hash that was made: what it took and how long it is.
type Hash struct {
	Memory, Time, Length uint32
	Threads              uint8
}

// Watch has seen called with each hash that the service makes from here on.
func (s *Service) Watch(seen func(Hash)) {
	key := s.hasher.key
	s.hasher.key = func(password, salt []byte, time, memory uint32, threads uint8, length uint32) []byte {
		seen(Hash{Memory: memory, Time: time, Length: length, Threads: threads})
		return key(password, salt, time, memory, threads, length)
	}
}

// NewAPIKey makes a well-formed key that no database knows.
func NewAPIKey() string { return newAPIKey() }
