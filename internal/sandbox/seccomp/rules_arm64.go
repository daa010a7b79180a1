//go:build linux

package seccomp

import "golang.org/x/sys/unix"

const (
	architecture = unix.AUDIT_ARCH_AARCH64
	x32          = 0x40000000 // no call of this architecture has such a number
)

// refusedHere are calls that only this architecture has.
func refusedHere() []uint32 { return nil }
