package llm

import "context"

// Call says which of a run's model calls a context is for.
type Call struct {
	RunID   string
	Step    int
	Attempt int // 1 is the first
	// Epoch rises when another worker takes the run over: what calls of an earlier one
	// were answered may never have been written down.
	Epoch int64
}

type callKey struct{}

// WithCall has Providers that record or replay know what they are called for.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf is the call that ctx is for; the zero value where nobody said so.
func CallOf(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}
