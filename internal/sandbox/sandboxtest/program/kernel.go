//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func call(number uintptr, args ...uintptr) attempt {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		r, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		if errno != 0 {
			return errno
		}
		return told(r)
	}
}

// told says of a call that succeeded that it did.
func told(uintptr) error { return nil }

// system are calls that reach beyond a namespace, or into the kernel.
func system([]string) map[string]attempt {
	name := uintptr(unsafe.Pointer(unsafe.StringData("/work\x00")))
	var zeros [256]byte
	nothing := uintptr(unsafe.Pointer(&zeros))
	return map[string]attempt{
		"mount":              func() error { return unix.Mount("none", "/work", "tmpfs", 0, "") },
		"remount":            func() error { return unix.Mount("none", "/usr", "", unix.MS_REMOUNT|unix.MS_BIND, "") },
		"umount":             func() error { return unix.Unmount("/work", unix.MNT_DETACH) },
		"pivot_root":         func() error { return unix.PivotRoot("/work", "/work") },
		"chroot":             func() error { return unix.Chroot("/work") },
		"unshare user":       func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"unshare net":        func() error { return unix.Unshare(unix.CLONE_NEWNET) },
		"unshare mount":      func() error { return unix.Unshare(unix.CLONE_NEWNS) },
		"clone into a user":  cloneInto(unix.CLONE_NEWUSER),
		"clone into a pid":   cloneInto(unix.CLONE_NEWPID),
		"setns":              func() error { return setNamespace("/proc/1/ns/net") },
		"open_tree":          call(unix.SYS_OPEN_TREE, ^uintptr(99), name, 1),
		"fsopen":             call(unix.SYS_FSOPEN, name, 0),
		"bpf":                call(unix.SYS_BPF, 5, nothing, 128),
		"perf_event_open":    call(unix.SYS_PERF_EVENT_OPEN, nothing, 0, ^uintptr(0), ^uintptr(0), 0),
		"userfaultfd":        call(unix.SYS_USERFAULTFD, 0),
		"io_uring_setup":     call(unix.SYS_IO_URING_SETUP, 8, nothing),
		"keyctl":             call(unix.SYS_KEYCTL, 0, ^uintptr(3), 1),
		"add_key":            call(unix.SYS_ADD_KEY, name, name, name, 1, ^uintptr(3)),
		"init_module":        call(unix.SYS_INIT_MODULE, nothing, 0, name),
		"kexec_load":         call(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0),
		"reboot":             func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) },
		"syslog":             call(unix.SYS_SYSLOG, 3, nothing, 200),
		"sethostname":        func() error { return unix.Sethostname([]byte("mine")) },
		"settimeofday":       func() error { return unix.Settimeofday(&unix.Timeval{Sec: 1}) },
		"open_by_handle_at":  call(unix.SYS_OPEN_BY_HANDLE_AT, 0, nothing, 0),
		"mknod":              func() error { return unix.Mknod("/work/disk", unix.S_IFBLK|0o600, 0x800) },
		"setuid":             func() error { return syscall.Setuid(0) },
		"setgid":             func() error { return syscall.Setgid(0) },
		"raise a limit":      func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}) },
		"change the mark":    func() error { return unix.Setrlimit(unix.RLIMIT_RSS, &unix.Rlimit{Cur: 1 << 40, Max: 1 << 40}) },
		"lower nice":         func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -20) },
		"real-time priority": call(unix.SYS_SCHED_SETSCHEDULER, 0, 1, uintptr(unsafe.Pointer(&[1]int32{50}))),
		"hide from oom":      func() error { return os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0) },
	}
}

func cloneInto(namespace uintptr) attempt {
	return func() error {
		cmd := exec.Command("/bin/sh", "-c", "true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespace}
		return cmd.Run()
	}
}

func setNamespace(name string) error {
	fd, err := unix.Open(name, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return unix.Setns(fd, 0)
}

// proc are files of the kernel's.
func proc([]string) map[string]attempt {
	tries := map[string]attempt{}
	for _, name := range []string{
		"/proc/1/environ", "/proc/1/mem", "/proc/1/fd/0", "/proc/1/root/etc", "/proc/1/cwd/.", "/proc/1/exe", "/proc/1/syscall", "/proc/1/stack",
		"/proc/kcore", "/proc/kmsg", "/proc/kpagecount", "/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/loop0",
		"/etc/shadow", "/root/.", "/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", "/var/lib/.", "/home/.",
	} {
		tries["read "+name] = func() error { return read(name) }
	}
	for _, name := range []string{
		"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/proc/1/mem", "/proc/1/comm", "/proc/self/uid_map", "/proc/self/setgroups",
		"/sys/kernel/uevent_helper", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cgroup.procs", "/sys/power/state",
	} {
		tries["write "+name] = func() error { return write(name) }
	}
	return tries
}

func read(name string) error {
	if strings.HasSuffix(name, "/.") {
		entries, err := os.ReadDir(name)
		if err == nil && len(entries) == 0 {
			return errors.New("it is empty")
		}
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	n, err := f.Read(make([]byte, 16))
	if err == nil && n == 0 {
		return errors.New("nothing")
	}
	return err
}

func write(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte("0"))
	return err
}

// processOne are attempts on what runs the sandbox. The signals are sent and only then
// seen not to have done anything.
func processOne([]string) map[string]attempt {
	tries := map[string]attempt{
		"trace":             func() error { return unix.PtraceAttach(1) },
		"trace by seizing":  func() error { return unix.PtraceSeize(1) },
		"read its memory":   func() error { return vm(unix.SYS_PROCESS_VM_READV) },
		"write its memory":  func() error { return vm(unix.SYS_PROCESS_VM_WRITEV) },
		"take a descriptor": takeDescriptor,
		"limit it": func() error {
			return unix.Prlimit(1, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: 1}, nil)
		},
		"trace a sibling": traceSibling,
	}
	for number := syscall.Signal(1); number < 65; number++ {
		tries["signal "+strconv.Itoa(int(number))] = func() error {
			for range 10 {
				_ = unix.Kill(1, number)
			}
			return errors.New("sent")
		}
	}
	return tries
}

func vm(number uintptr) error {
	var buffer [8]byte
	local := unix.Iovec{Base: &buffer[0], Len: 8}
	remote := unix.RemoteIovec{Base: 0x400000, Len: 8}
	_, _, errno := unix.Syscall6(number, 1, uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func takeDescriptor() error {
	fd, err := unix.PidfdOpen(1, 0)
	if err != nil {
		return err
	}
	_, err = unix.PidfdGetfd(fd, 0, 0)
	return err
}

func traceSibling() error {
	cmd := exec.Command("sleep", "10")
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if err := unix.PtraceAttach(cmd.Process.Pid); err != nil {
		return err
	}
	return nil
}
