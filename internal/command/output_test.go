package command_test

import (
	"strings"
	"sync"
	"testing"
)

// output is what a test's servers log. It goes to the test's own output until the test
// ends: whoever writes there later panics.
type output struct {
	mu    sync.Mutex
	t     *testing.T
	ended bool
	text  strings.Builder
}

func newOutput(t *testing.T) *output {
	t.Helper()
	o := &output{t: t}
	t.Cleanup(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.ended = true
	})
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if !o.ended {
		_, _ = o.t.Output().Write(p)
	}
	return len(p), nil
}

// says reports whether something was logged.
func (o *output) says(what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Contains(o.text.String(), what)
}
