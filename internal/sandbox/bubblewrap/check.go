//go:build linux

package bubblewrap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/cgroup"
	"github.com/zeblit/zeblit/internal/sandbox/probe"
)

// checkPatience bounds the whole of Check.
const checkPatience = time.Minute

// Check is sandbox.Driver's: it makes a sandbox and looks at it from inside.
func (d *Driver) Check(ctx context.Context) (sandbox.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	report := sandbox.Report{Driver: d.Name(), Version: version(ctx, d.bwrap)}
	spec := sandbox.Spec{
		ID:     "check-" + strings.ToLower(rand.Text()[:12]),
		Limits: sandbox.Limits{Memory: 256 << 20, Disk: 16 << 20, Pids: 64},
	}
	box, err := d.Create(ctx, spec)
	if err != nil {
		return report, unavailable(err)
	}
	seen, usage, err := probe.Look(ctx, box, insideProgram)
	if err = errors.Join(err, box.Delete(context.WithoutCancel(ctx))); err != nil {
		return report, unavailable(err)
	}
	for _, kind := range []string{"user", "pid", "mnt", "ipc", "uts", "net", "cgroup"} {
		err = errors.Join(err, probe.Namespace(&report, seen, kind))
	}
	user := "this process's own user"
	if os.Geteuid() == 0 {
		user = fmt.Sprintf("a user of its own, from %d on", firstUser)
	}
	return report, errors.Join(err, probe.Isolation(&report, seen, "outside it is "+user), d.limits(&report, usage))
}

func unavailable(err error) error {
	return fmt.Errorf("%w: bubblewrap doesn't work here: %w", sandbox.ErrUnavailable, err)
}

func version(ctx context.Context, bwrap string) string {
	out, err := exec.CommandContext(ctx, bwrap, "--version").Output()
	if err != nil {
		return "of an unknown version"
	}
	return strings.TrimSpace(string(out))
}

// limits notes what is limited; what isn't, because the host has no means, is told.
func (d *Driver) limits(report *sandbox.Report, usage sandbox.Stats) error {
	where := fmt.Sprintf("for all processes together (cgroup v%d)", d.groups.Version())
	for _, limit := range []struct {
		name    string
		kind    cgroup.Kind
		instead string
	}{
		{"memory limit", cgroup.Memory, "each process is limited, but not their sum, nor memory that processes share"},
		{"process limit", cgroup.Pids, "limited by user instead (RLIMIT_NPROC)"},
		{"cpu limit", cgroup.CPU, "commands only have a lower priority"},
	} {
		if d.groups.Has(limit.kind) {
			report.Add(limit.name, true, "%s", where)
		} else {
			report.Add(limit.name, limit.kind == cgroup.Pids, "%s: %s", d.groups.Why[limit.kind], limit.instead)
		}
	}
	if usage.DiskLimit > 16<<20 || usage.DiskLimit <= 0 {
		report.Add("disk limit", false, "the files' memory has %d bytes", usage.DiskLimit)
		return fmt.Errorf("%w: the disk can't be limited", sandbox.ErrUnavailable)
	}
	report.Add("disk limit", true, "files are in memory (tmpfs) of a fixed size")
	report.Add("number of files", d.groups.Has(cgroup.Memory), "%s", map[bool]string{
		true: "by the memory that they take", false: "not limited by bubblewrap; each takes a kilobyte of the host's memory",
	}[d.groups.Has(cgroup.Memory)])
	return nil
}
