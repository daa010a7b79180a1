package identity

// Cheap makes hashing quick, which is not what the tests are about.
func (o Options) Cheap() Options {
	o.cost = cost{memory: 64, time: 1, threads: 1}
	return o
}

// NewAPIKey makes a well-formed key that no database knows.
func NewAPIKey() string { return newAPIKey() }
