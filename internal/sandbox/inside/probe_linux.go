//go:build linux && (amd64 || arm64)

package inside

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path"
	"strings"
)

// look writes what this process sees, which was started as a command.
func look(out io.Writer) error {
	seen := Seen{User: os.Getuid(), Namespaces: map[string]string{}, Status: map[string]string{}}
	for _, kind := range []string{"user", "pid", "mnt", "ipc", "uts", "net", "cgroup"} {
		seen.Namespaces[kind], _ = os.Readlink("/proc/self/ns/" + kind)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			seen.Status[name] = strings.TrimSpace(value)
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, one := range interfaces {
		if one.Flags&net.FlagUp != 0 { // every network namespace may have some that lead nowhere
			seen.Interfaces = append(seen.Interfaces, one.Name)
		}
	}
	for _, folder := range []string{"/", "/bin", "/usr", "/etc", "/run", "/var", "/var/tmp", "/root", "/home", "/opt", "/dev", "/sys", "/sys/fs/cgroup"} {
		name := path.Join(folder, ".zeblit-written")
		if f, err := os.Create(name); err == nil {
			_ = f.Close()
			_ = os.Remove(name)
			seen.Writable = append(seen.Writable, folder)
		}
	}
	return json.NewEncoder(out).Encode(seen)
}
