// Package catalogue is what is known of models before they are called: how much fits
// into them, what they can do and what they cost.
//
// The table comes from charm.land/catwalk and is generated (see compact); supplement.go
// has what it lacks, and an installation's own entries win over both. The table is
// parsed when it is first asked for, so that a process that never asks pays nothing.
package catalogue

// Model is what the catalogue says of one model. Zero windows and limits are unknown
// ones, and a nil Price means that nobody told a price: that is not the price 0.
type Model struct {
	Provider      string // as it is configured: "anthropic"
	ID            string // as the vendor calls it: "claude-sonnet-5"
	Name          string // for people
	ContextWindow int64  // tokens of input and output together
	OutputLimit   int64  // tokens of one answer
	Price         *Price

	Tools     bool
	Images    bool
	Reasoning bool
	Efforts   []string // how much it can be told to reason, from little to much
}
