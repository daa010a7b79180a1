//go:build !linux || !(amd64 || arm64)

// Package seccomp has the filter under which commands run. There is none for this
// system, so that no sandbox works on it.
package seccomp

import "errors"

// Option changes the filter.
type Option bool

// Locked refuses to change the mark of processes.
const Locked Option = true

// Bytes fails: there is no filter for this system.
func Bytes(...Option) ([]byte, error) {
	return nil, errors.New("there is no filter of system calls for this system")
}
