//go:build linux && (amd64 || arm64)

// Package seccomp has the filter under which commands run: it refuses the system calls
// that widen what an unprivileged process of a namespace can reach in the kernel.
// Programs for other architectures than the host's own (32 bits, x32) are killed, and
// calls that are newer than this list don't exist.
//
// It is a second wall: also without it a command has no capability, no host file that
// it can write to, and no network.
package seccomp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Mark is the resource limit whose value nobody under a Locked filter can change: by it
// the sandbox knows to which command a process belongs. The kernel makes no use of it.
const Mark = unix.RLIMIT_RSS

// Option changes the filter.
type Option bool

// Locked refuses to change Mark.
const Locked Option = true

// Assemble returns the filter as the kernel wants it.
func Assemble(options ...Option) ([]bpf.RawInstruction, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: architecture, SkipTrue: 1},
		kill,
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
	}
	program = append(program, when(bpf.JumpGreaterOrEqual, x32, kill)...)
	program = append(program, when(bpf.JumpGreaterThan, unix.SYS_RSEQ_SLICE_YIELD, refuse(unix.ENOSYS))...)
	for _, number := range append(refused(), refusedHere()...) {
		program = append(program, when(bpf.JumpEqual, number, refuse(unix.EPERM))...)
	}
	for _, number := range absent() {
		program = append(program, when(bpf.JumpEqual, number, refuse(unix.ENOSYS))...)
	}
	locked := len(options) > 0 && options[0] == Locked
	for _, rule := range rules(locked) {
		program = append(program, when(bpf.JumpEqual, rule.number, rule.body...)...)
	}
	return bpf.Assemble(append(program, allow))
}

// Bytes is the filter as bubblewrap reads it from a file.
func Bytes(options ...Option) ([]byte, error) {
	raw, err := Assemble(options...)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, r := range raw {
		if err := binary.Write(&b, binary.NativeEndian, r); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// Install puts the filter on all threads of this process, for ever. The process gives
// up to gain rights by executing something.
func Install(options ...Option) error {
	raw, err := Assemble(options...)
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const tsync = unix.SECCOMP_FILTER_FLAG_TSYNC
	if r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, tsync, uintptr(unsafe.Pointer(&program))); errno != 0 || r != 0 {
		return fmt.Errorf("filter system calls: %w (thread %d)", errno, r)
	}
	return nil
}

// Offsets in struct seccomp_data; an argument's low half comes first on both
// architectures.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

var (
	allow = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	kill  = bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}
)

func refuse(with unix.Errno) bpf.RetConstant {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(with)}
}

func low(argument uint32) bpf.LoadAbsolute {
	return bpf.LoadAbsolute{Off: offsetArgs + 8*argument, Size: 4}
}

func high(argument uint32) bpf.LoadAbsolute {
	return bpf.LoadAbsolute{Off: offsetArgs + 8*argument + 4, Size: 4}
}

// when runs body, which must return unless it is the last of all, where what is loaded
// compares with value.
func when(test bpf.JumpTest, value uint32, body ...bpf.Instruction) []bpf.Instruction {
	return append([]bpf.Instruction{bpf.JumpIf{Cond: test, Val: value, SkipFalse: uint8(len(body))}}, body...)
}
