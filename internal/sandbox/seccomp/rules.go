//go:build linux && (amd64 || arm64)

package seccomp

import (
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// refused are calls that nothing which builds and tests software needs, by what they
// would touch.
func refused() []uint32 {
	return []uint32{
		// Mounts and namespaces.
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_SETNS,
		unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG,
		unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
		unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
		// Other processes' memory and files.
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
		unix.SYS_KCMP, unix.SYS_PIDFD_GETFD, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		// Keys of the kernel, and parts of it with a history of holes.
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
		unix.SYS_USERFAULTFD, unix.SYS_MEMFD_SECRET, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
		// The kernel and the machine.
		unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_REBOOT, unix.SYS_SYSLOG, unix.SYS_ACCT, unix.SYS_VHANGUP, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	}
}

// absent are calls that programs do without when the kernel doesn't have them. clone3's
// flags are in memory, where a filter can't read them; libraries then use clone.
func absent() []uint32 {
	return []uint32{unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER}
}

type rule struct {
	number uint32
	body   []bpf.Instruction // returns in any case
}

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME

// rules look at arguments. Descriptors, commands and flags are 32 bits wide for the
// kernel, so that the high half of their arguments says nothing.
func rules(locked bool) []rule {
	no := refuse(unix.EPERM)
	limits := []rule{{unix.SYS_PRLIMIT64, slices.Concat(
		// Reading is harmless: no new limit is given.
		[]bpf.Instruction{low(2), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3}, high(2),
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1}, allow},
		// Nobody sets those of another process, as of the one that looks after commands.
		[]bpf.Instruction{low(0)}, when(bpf.JumpNotEqual, 0, no),
		[]bpf.Instruction{low(1)}, unless(!locked, when(bpf.JumpEqual, Mark, no)),
		[]bpf.Instruction{allow},
	)}}
	if locked {
		limits = append(limits, rule{unix.SYS_SETRLIMIT, slices.Concat(
			[]bpf.Instruction{low(0)}, when(bpf.JumpEqual, Mark, no), []bpf.Instruction{allow})})
	}
	return append(limits, []rule{
		{unix.SYS_UNSHARE, slices.Concat([]bpf.Instruction{low(0)}, when(bpf.JumpBitsSet, newNamespaces, no), []bpf.Instruction{allow})},
		// The lowest byte is the signal at the child's end, where CLONE_NEWTIME doesn't count.
		{unix.SYS_CLONE, slices.Concat([]bpf.Instruction{low(0)}, when(bpf.JumpBitsSet, newNamespaces&^0xff, no), []bpf.Instruction{allow})},
		// Input that a terminal takes for typed.
		{unix.SYS_IOCTL, slices.Concat([]bpf.Instruction{low(1)},
			when(bpf.JumpEqual, unix.TIOCSTI, no), when(bpf.JumpEqual, tiocLinux, no), []bpf.Instruction{allow})},
		{unix.SYS_PERSONALITY, slices.Concat([]bpf.Instruction{low(0)},
			when(bpf.JumpEqual, 0, allow), when(bpf.JumpEqual, 0xffffffff, allow), when(bpf.JumpEqual, addrNoRandomize, allow),
			[]bpf.Instruction{no})},
		{unix.SYS_SOCKET, socketRule()},
		{unix.SYS_SOCKETPAIR, slices.Concat([]bpf.Instruction{low(0)}, when(bpf.JumpEqual, unix.AF_UNIX, allow), []bpf.Instruction{no})},
	}...)
}

const (
	tiocLinux       = 0x541c
	addrNoRandomize = 0x0040000
	socketKind      = 0xf // the rest of the type are flags
)

// socketRule leaves streams and datagrams of the internet and of Unix, and the one
// netlink protocol by which programs list their network interfaces. No raw socket, and
// none that leaves the network namespace, as those to the hypervisor do.
func socketRule() []bpf.Instruction {
	no := refuse(unix.EPERM)
	kind := slices.Concat(
		[]bpf.Instruction{low(1), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: socketKind}},
		when(bpf.JumpEqual, unix.SOCK_STREAM, allow), when(bpf.JumpEqual, unix.SOCK_DGRAM, allow),
		when(bpf.JumpEqual, unix.SOCK_SEQPACKET, allow), []bpf.Instruction{no})
	route := slices.Concat([]bpf.Instruction{low(2)}, when(bpf.JumpEqual, unix.NETLINK_ROUTE, allow), []bpf.Instruction{no})
	return slices.Concat([]bpf.Instruction{low(0)},
		when(bpf.JumpEqual, unix.AF_NETLINK, route...),
		when(bpf.JumpEqual, unix.AF_UNIX, kind...),
		when(bpf.JumpEqual, unix.AF_INET, kind...),
		when(bpf.JumpEqual, unix.AF_INET6, kind...),
		[]bpf.Instruction{no})
}

func unless(condition bool, body []bpf.Instruction) []bpf.Instruction {
	if condition {
		return nil
	}
	return body
}
