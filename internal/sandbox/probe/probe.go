// Package probe looks at a sandbox from inside, so that a driver reports what holds and
// not what it has asked for.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/inside"
)

// patience bounds the one command.
const patience = 30 * time.Second

// Look runs a command that tells what it sees; program is where the part inside is.
func Look(ctx context.Context, box sandbox.Sandbox, program string) (inside.Seen, sandbox.Stats, error) {
	var out, failed bytes.Buffer
	exit, err := sandbox.Run(ctx, box, sandbox.Command{Argv: []string{program, inside.ProbeWord}, Timeout: patience}, func(c sandbox.Chunk) error {
		if c.Stream == sandbox.Stderr {
			failed.Write(c.Data)
			return nil
		}
		out.Write(c.Data)
		return nil
	})
	if err == nil && exit.Code != 0 {
		err = fmt.Errorf("the first command ended with %d: %s", exit.Code, strings.TrimSpace(failed.String()))
	}
	if err != nil {
		return inside.Seen{}, sandbox.Stats{}, err
	}
	var seen inside.Seen
	if err := json.Unmarshal(out.Bytes(), &seen); err != nil {
		return inside.Seen{}, sandbox.Stats{}, fmt.Errorf("what the first command said: %w", err)
	}
	usage, err := box.Stats(ctx)
	return seen, usage, err
}

// Must notes what has to hold, and fails with sandbox.ErrUnavailable where it doesn't.
func Must(report *sandbox.Report, name string, holds bool, how, why string) error {
	if holds {
		report.Add(name, true, "%s", how)
		return nil
	}
	report.Add(name, false, "%s", why)
	return fmt.Errorf("%w: %s: %s", sandbox.ErrUnavailable, name, why)
}

// Namespace notes one that has to be another than this process's. With an engine on
// another machine that says little, and is still true.
func Namespace(report *sandbox.Report, seen inside.Seen, kind string) error {
	ours, err := os.Readlink("/proc/self/ns/" + kind)
	theirs := seen.Namespaces[kind]
	return Must(report, kind+" namespace", theirs != "" && (err != nil || theirs != ours), "its own", "it is the host's")
}

// Isolation notes what has to hold with every driver.
func Isolation(report *sandbox.Report, seen inside.Seen, user string) error {
	status := seen.Status
	const none = "0000000000000000"
	free := seen.User != 0 && status["CapEff"] == none && status["CapPrm"] == none && status["CapInh"] == none && status["NoNewPrivs"] == "1"
	return errors.Join(
		Must(report, "no privileges", free, fmt.Sprintf("user %d, no capability, no new privileges; %s", seen.User, user),
			fmt.Sprintf("user %d, capabilities %s", seen.User, status["CapEff"])),
		Must(report, "read-only system", len(seen.Writable) == 0, "only "+sandbox.Work+", /tmp and /dev/shm can be written to",
			"can be written to: "+strings.Join(seen.Writable, " ")),
		Must(report, "no network", strings.Join(seen.Interfaces, " ") == "lo", "a loopback of its own", "interfaces: "+strings.Join(seen.Interfaces, " ")),
		Must(report, "system calls", status["Seccomp"] == "2", fmt.Sprintf("filtered (seccomp, %s filters)", status["Seccomp_filters"]), "there is no filter"),
	)
}
