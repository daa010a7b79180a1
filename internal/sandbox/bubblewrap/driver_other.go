//go:build !linux

// Package bubblewrap makes sandboxes of Linux namespaces, which this system doesn't have.
package bubblewrap

import (
	"fmt"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// Config of a driver.
type Config struct {
	Dir, Bwrap, Inside string
	Toolchains         []string
	NoGroups           bool
}

// New fails with sandbox.ErrUnavailable.
func New(Config) (sandbox.Driver, error) {
	return nil, fmt.Errorf("%w: bubblewrap needs Linux", sandbox.ErrUnavailable)
}
