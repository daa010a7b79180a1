package sandbox

import (
	"fmt"
	"regexp"
	"strings"
)

// Spec is what a sandbox is made by.
type Spec struct {
	// ID names it within the installation: letters, digits, "_", "-", 64 at most.
	ID     string
	Labels map[string]string
	// Image is the container engine's; empty is the driver's default. bubblewrap has the
	// host's programs and ignores it.
	Image  string
	Limits Limits
	// Env is for every command. Put no secrets of others there: commands can print it.
	Env map[string]string
}

// Limits of one sandbox. Zero takes the default.
type Limits struct {
	// Memory is for processes and files together, in bytes, as the files are kept in
	// memory: 2 GiB. Where the host can't limit the sum, it is what each process may have.
	Memory int64
	// Disk is what fits below Work, in bytes: 1 GiB. Less than Memory.
	Disk int64
	// CPU is cores: 1.
	CPU float64
	// Pids is processes and threads at once, a dozen of them ours: 512.
	Pids int
	// OpenFiles is per process: 1024.
	OpenFiles int
	// FileSize is the largest file that a command can write, in bytes: 512 MiB.
	FileSize int64
}

// The defaults, and what is needed at least.
const (
	DefaultMemory    int64   = 2 << 30
	DefaultDisk      int64   = 1 << 30
	DefaultCPU       float64 = 1
	DefaultPids              = 512
	DefaultOpenFiles         = 1024
	DefaultFileSize  int64   = 512 << 20

	LeastMemory    int64   = 96 << 20
	LeastDisk      int64   = 1 << 20
	LeastCPU       float64 = 0.1
	LeastPids              = 32
	LeastOpenFiles         = 64
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Checked fills in the defaults and says what is wrong with the rest.
func (s Spec) Checked() (Spec, error) {
	if err := CheckID(s.ID); err != nil {
		return s, err
	}
	for name := range s.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return s, fmt.Errorf("sandbox %s: bad variable name %q", s.ID, name)
		}
	}
	l := &s.Limits
	l.Memory = orDefault(l.Memory, DefaultMemory)
	l.Disk = orDefault(l.Disk, min(DefaultDisk, l.Memory/2))
	l.CPU = orDefault(l.CPU, DefaultCPU)
	l.Pids = orDefault(l.Pids, DefaultPids)
	l.OpenFiles = orDefault(l.OpenFiles, DefaultOpenFiles)
	l.FileSize = orDefault(l.FileSize, min(DefaultFileSize, l.Disk))
	switch {
	case l.Memory < LeastMemory:
		return s, fmt.Errorf("sandbox %s: memory must be %d bytes at least", s.ID, LeastMemory)
	case l.Disk < LeastDisk || l.Disk >= l.Memory:
		return s, fmt.Errorf("sandbox %s: disk must be %d bytes at least and less than memory, in which files are kept", s.ID, LeastDisk)
	case l.CPU < LeastCPU:
		return s, fmt.Errorf("sandbox %s: cpu must be %g at least", s.ID, LeastCPU)
	case l.Pids < LeastPids:
		return s, fmt.Errorf("sandbox %s: pids must be %d at least", s.ID, LeastPids)
	case l.OpenFiles < LeastOpenFiles:
		return s, fmt.Errorf("sandbox %s: open files must be %d at least", s.ID, LeastOpenFiles)
	case l.FileSize < 0:
		return s, fmt.Errorf("sandbox %s: file size must not be negative", s.ID)
	}
	return s, nil
}

// CheckID refuses what can't name a sandbox.
func CheckID(id string) error {
	if !idPattern.MatchString(id) {
		return fmt.Errorf("bad sandbox id %q: letters, digits, _ and -, 64 at most", id)
	}
	return nil
}

func orDefault[T int | int64 | float64](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}
