//go:build linux

package bubblewrap

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/inside"
)

// Sizes of what can be written to besides Work, in bytes. They are part of the memory.
const (
	temporarySize = 256 << 20 // /tmp, at most; a quarter of the disk where that is less
	sharedSize    = 16 << 20  // /dev/shm
)

// insideProgram is where the part inside is.
const insideProgram = "/run/zeblit/inside"

// readable are files below /etc that programs need: what root certificates, libraries
// and time zones there are. Nothing there is a secret.
func readable() []string {
	return []string{
		"/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs",
		"/etc/pki/ca-trust/extracted", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
		"/etc/mime.types", "/etc/protocols", "/etc/services", "/etc/python3", "/etc/java-11-openjdk", "/etc/java-17-openjdk",
	}
}

// written are files below /etc that are made up.
func written() map[string]string {
	return map[string]string{
		"/etc/passwd":        "root:x:0:0:root:/:/bin/false\nsandbox:x:1000:1000:sandbox:" + inside.Home + ":/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"/etc/group":         "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n",
		"/etc/hosts":         "127.0.0.1 localhost sandbox\n::1 localhost\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"/etc/hostname":      "sandbox\n",
	}
}

// masked are folders below /usr that may have what isn't for everybody.
func masked() []string { return []string{"/usr/local/etc", "/usr/etc"} }

// arguments are bwrap's, for a sandbox that runs program as process 1.
func (d *Driver) arguments(program string, spec sandbox.Spec, files *handed) ([]string, error) {
	args := []string{
		"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup",
		"--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--cap-drop", "ALL",
		"--as-pid-1", "--die-with-parent", "--new-session", "--clearenv",
		"--ro-bind", "/usr", "/usr",
	}
	for _, folder := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		args = append(args, system(folder)...)
	}
	for _, folder := range masked() {
		if is, err := os.Stat(folder); err == nil && is.IsDir() {
			args = append(args, "--size", "4096", "--tmpfs", folder, "--remount-ro", folder)
		}
	}
	for _, name := range readable() {
		args = append(args, "--ro-bind-try", name, name)
	}
	for name, content := range written() {
		descriptor, err := files.content([]byte(content))
		if err != nil {
			return nil, err
		}
		args = append(args, "--perms", "0444", "--ro-bind-data", descriptor, name)
	}
	for _, folder := range d.config.Toolchains {
		args = append(args, "--ro-bind", filepath.Clean(folder), filepath.Clean(folder))
	}
	return append(args,
		"--ro-bind", program, insideProgram,
		"--proc", "/proc",
		"--dev", "/dev", "--perms", "1777", "--size", size(sharedSize), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
		"--perms", "1777", "--size", size(min(temporarySize, spec.Limits.Disk/4)), "--tmpfs", "/tmp",
		"--perms", "0755", "--size", size(spec.Limits.Disk), "--tmpfs", sandbox.Work,
		"--remount-ro", "/", "--chdir", sandbox.Work,
		insideProgram, inside.ServeWord,
	), nil
}

// system shows a folder as the host has it: itself, or a link into /usr.
func system(folder string) []string {
	if target, err := os.Readlink(folder); err == nil {
		return []string{"--symlink", target, folder}
	}
	return []string{"--ro-bind-try", folder, folder}
}

func size(bytes int64) string { return strconv.FormatInt(bytes, 10) }
