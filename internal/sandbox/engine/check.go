package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/probe"
)

// checkPatience bounds the whole of Check, in which the image may be pulled.
const checkPatience = 10 * time.Minute

// Check is sandbox.Driver's: it makes a sandbox and looks at it from inside.
func (d *Driver) Check(ctx context.Context) (sandbox.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	report := sandbox.Report{Driver: d.Name(), Version: "of an unknown version"}
	asked, err := d.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return report, unavailable(err)
	}
	engine := asked.Info
	report.Version = fmt.Sprintf("engine %s, %s", engine.ServerVersion, engine.OperatingSystem)
	if architecture := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]; engine.Architecture != architecture && engine.Architecture != runtime.GOARCH {
		return report, unavailable(fmt.Errorf("it has %s, this program is made for %s", engine.Architecture, runtime.GOARCH))
	}
	box, err := d.Create(ctx, sandbox.Spec{
		ID:     "check-" + strings.ToLower(rand.Text()[:12]),
		Limits: sandbox.Limits{Memory: 256 << 20, Disk: 16 << 20, Pids: 64},
	})
	if err != nil {
		return report, unavailable(err)
	}
	seen, usage, err := probe.Look(ctx, box, insideProgram)
	if err = errors.Join(err, box.Delete(context.WithoutCancel(ctx))); err != nil {
		return report, unavailable(err)
	}
	for _, kind := range []string{"pid", "mnt", "ipc", "uts", "net"} {
		err = errors.Join(err, probe.Namespace(&report, seen, kind))
	}
	optional(&report, "user namespace", engine, "the engine's users are the host's; the sandbox has an unprivileged one (rootless Podman or userns-remap would change that)")
	return report, errors.Join(err, probe.Isolation(&report, seen, "as the engine counts"), limits(&report, engine, usage))
}

func optional(report *sandbox.Report, name string, engine system.Info, otherwise string) {
	for _, option := range engine.SecurityOptions {
		if strings.Contains(option, "name=userns") || strings.Contains(option, "name=rootless") {
			report.Add(name, true, "the engine's own")
			return
		}
	}
	report.Add(name, false, "%s", otherwise)
}

func unavailable(err error) error {
	return fmt.Errorf("%w: the container engine doesn't serve: %w", sandbox.ErrUnavailable, err)
}

// limits notes what the engine says that it limits, and what can be seen of it.
func limits(report *sandbox.Report, engine system.Info, usage sandbox.Stats) error {
	where := "for all processes together (control groups of the engine)"
	report.Add("memory limit", engine.MemoryLimit, "%s", either(engine.MemoryLimit, where, "the engine can't limit memory"))
	report.Add("process limit", true, "%s", either(engine.PidsLimit, where, "by user (RLIMIT_NPROC)"))
	report.Add("cpu limit", engine.CPUCfsQuota, "%s", either(engine.CPUCfsQuota, where, "the engine can't limit cpu time"))
	err := probe.Must(report, "disk limit", usage.DiskLimit > 0 && usage.DiskLimit <= 16<<20, "files are in memory (tmpfs) of a fixed size",
		fmt.Sprintf("there is room for %d bytes", usage.DiskLimit))
	report.Add("number of files", engine.MemoryLimit, "%s", either(engine.MemoryLimit, "by the memory that they take", "not limited"))
	return err
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
