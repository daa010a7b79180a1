//go:build linux

// Package cgroup limits what all processes of a sandbox take together, by the kernel's
// control groups, of version 2 or 1, where this process may make some below its own.
// Which of memory, pids and cpu can be limited is found out by doing it.
package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what can be limited.
type Kind string

// The kinds.
const (
	Memory Kind = "memory"
	Pids   Kind = "pids"
	CPU    Kind = "cpu"
)

// Kinds are all.
func Kinds() []Kind { return []Kind{Memory, Pids, CPU} }

// Hierarchy is where groups can be made.
type Hierarchy struct {
	version int
	parents map[Kind]string // folders of the groups that ours are made in
	Why     map[Kind]string // why one is missing
}

// Limits of a group. Zero limits nothing.
type Limits struct {
	Memory int64
	Pids   int
	CPU    float64
}

const root = "/sys/fs/cgroup"

// leafName is the group of this process itself, where groups may not have both
// processes and groups.
const leafName = "zeblit-main"

// Find looks for what this process may use, below a group called name.
func Find(name string) *Hierarchy {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return None("this system has no control groups")
	}
	return find(root, string(own), name)
}

// None limits nothing, and says why.
func None(why string) *Hierarchy {
	h := &Hierarchy{parents: map[Kind]string{}, Why: map[Kind]string{}}
	for _, kind := range Kinds() {
		h.Why[kind] = why
	}
	return h
}

func find(root, own, name string) *Hierarchy {
	h := &Hierarchy{version: 1, parents: map[Kind]string{}, Why: map[Kind]string{}}
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if parts[1] == "" && exists(filepath.Join(root, "cgroup.controllers")) {
			// A leaf of ours was made by an earlier look.
			return findTwo(filepath.Join(root, strings.TrimSuffix(parts[2], "/"+leafName)), name)
		}
		for _, kind := range Kinds() {
			if slices.Contains(strings.Split(parts[1], ","), string(kind)) {
				h.try(kind, filepath.Join(root, parts[1]), parts[2], name)
			}
		}
	}
	for _, kind := range Kinds() {
		if h.parents[kind] == "" && h.Why[kind] == "" {
			h.Why[kind] = "the kernel has no control group for it here"
		}
	}
	return h
}

// try finds a controller's folder, which may be mounted under its short name, and its
// own group, which inside a container may not be visible.
func (h *Hierarchy) try(kind Kind, mount, own, name string) {
	if !exists(mount) {
		mount = filepath.Join(filepath.Dir(mount), string(kind))
	}
	parent := filepath.Join(mount, own)
	if !exists(parent) {
		parent = mount
	}
	parent = filepath.Join(parent, name)
	if err := tryToMake(parent); err != nil {
		h.Why[kind] = "no control group can be made: " + reason(err)
		return
	}
	h.parents[kind] = parent
}

// findTwo prepares a group that this process was given: its own processes move into one
// of their own below, as a group with processes can't limit groups.
func findTwo(own, name string) *Hierarchy {
	h := &Hierarchy{version: 2, parents: map[Kind]string{}, Why: map[Kind]string{}}
	raw, err := os.ReadFile(filepath.Join(own, "cgroup.controllers"))
	if err != nil {
		return None("this process's control group can't be seen: " + reason(err))
	}
	if err := makeRoom(own); err != nil {
		return None("this process was given no control group of its own (systemd: Delegate=yes): " + reason(err))
	}
	parent := filepath.Join(own, name)
	if err := tryToMake(parent); err != nil {
		return None("no control group can be made: " + reason(err))
	}
	for _, kind := range Kinds() {
		if !slices.Contains(strings.Fields(string(raw)), string(kind)) {
			h.Why[kind] = "this process's control group doesn't have it"
			continue
		}
		if err := errors.Join(enable(own, kind), enable(parent, kind)); err != nil {
			h.Why[kind] = reason(err)
			continue
		}
		h.parents[kind] = parent
	}
	return h
}

// tryToMake makes the folder of our groups, which somebody else may have made before,
// and a group in it.
func tryToMake(parent string) error {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	trial, err := os.MkdirTemp(parent, "trial-")
	if err != nil {
		return err
	}
	return os.Remove(trial)
}

func makeRoom(own string) error {
	raw, err := os.ReadFile(filepath.Join(own, "cgroup.procs"))
	if err != nil || strings.TrimSpace(string(raw)) == "" || !exists(filepath.Join(own, "cgroup.type")) {
		return err // nobody is there, or it is the root, which may have both
	}
	leaf := filepath.Join(own, leafName)
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(raw)) {
		if err := write(leaf, "cgroup.procs", pid); err != nil {
			return err
		}
	}
	return nil
}

func enable(folder string, kind Kind) error {
	return write(folder, "cgroup.subtree_control", "+"+string(kind))
}

// Has reports whether a kind can be limited.
func (h *Hierarchy) Has(kind Kind) bool { return h.parents[kind] != "" }

// Version is 1 or 2.
func (h *Hierarchy) Version() int { return h.version }

// Group is one sandbox's.
type Group struct {
	h       *Hierarchy
	folders map[Kind]string
}

// Make makes a group with limits.
func (h *Hierarchy) Make(name string, limits Limits) (*Group, error) {
	g := &Group{h: h, folders: map[Kind]string{}}
	for kind, parent := range h.parents {
		folder := filepath.Join(parent, name)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(err, g.Remove())
		}
		g.folders[kind] = folder
	}
	if err := g.limit(limits); err != nil {
		return nil, errors.Join(err, g.Remove())
	}
	return g, nil
}

const period = 100_000 // microseconds, over which cpu time is counted

func (g *Group) limit(l Limits) error {
	quota := strconv.Itoa(int(l.CPU * period))
	settings := map[Kind][][2]string{
		Memory: {{"memory.limit_in_bytes", strconv.FormatInt(l.Memory, 10)}},
		Pids:   {{"pids.max", strconv.Itoa(l.Pids)}},
		CPU:    {{"cpu.cfs_period_us", strconv.Itoa(period)}, {"cpu.cfs_quota_us", quota}},
	}
	if g.h.version == 2 {
		settings[Memory] = [][2]string{{"memory.max", strconv.FormatInt(l.Memory, 10)}}
		settings[CPU] = [][2]string{{"cpu.max", fmt.Sprintf("%s %d", quota, period)}}
	}
	for kind, folder := range g.folders {
		if kind == Memory && l.Memory == 0 || kind == Pids && l.Pids == 0 || kind == CPU && l.CPU == 0 {
			continue
		}
		for _, setting := range settings[kind] {
			if err := write(folder, setting[0], setting[1]); err != nil {
				return fmt.Errorf("limit %s: %w", kind, err)
			}
		}
	}
	if folder := g.folders[Memory]; folder != "" && l.Memory != 0 {
		// No swap besides, where the kernel counts it.
		_ = write(folder, "memory.swap.max", "0")
		_ = write(folder, "memory.memsw.limit_in_bytes", strconv.FormatInt(l.Memory, 10))
	}
	return nil
}

// Add moves a process, with all its threads, into the group. What it starts later is
// there too.
func (g *Group) Add(pid int) error {
	for kind, folder := range g.folders {
		if err := write(folder, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("add to the %s group: %w", kind, err)
		}
	}
	return nil
}

// Remove removes the group, whose processes must have ended; the kernel may take a
// moment to notice.
func (g *Group) Remove() error {
	var failed error
	for _, folder := range g.folders {
		var err error
		for pause := time.Millisecond; pause < 4*time.Second; pause *= 2 {
			if err = os.Remove(folder); err == nil || errors.Is(err, fs.ErrNotExist) {
				err = nil
				break
			}
			time.Sleep(pause)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// Usage of a group; -1 where it isn't counted.
type Usage struct {
	Memory, MemoryPeak int64
	CPU                time.Duration
	Pids               int64
	OutOfMemory        int
}

// Usage reads what the group takes and took.
func (g *Group) Usage() Usage {
	u := Usage{Memory: -1, MemoryPeak: -1, CPU: -1, Pids: -1}
	if folder := g.folders[Memory]; folder != "" {
		u.Memory = number(folder, "memory.current", "memory.usage_in_bytes")
		u.MemoryPeak = number(folder, "memory.peak", "memory.max_usage_in_bytes")
		u.OutOfMemory = int(max(field(filepath.Join(folder, "memory.events"), "oom_kill"), field(filepath.Join(folder, "memory.oom_control"), "oom_kill"), 0))
	}
	if folder := g.folders[Pids]; folder != "" {
		u.Pids = number(folder, "pids.current")
	}
	if folder := g.folders[CPU]; folder != "" {
		if n := field(filepath.Join(folder, "cpu.stat"), "usage_usec"); n >= 0 {
			u.CPU = time.Duration(n) * time.Microsecond
		}
	}
	return u
}

func number(folder string, names ...string) int64 {
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil {
			return n
		}
	}
	return -1
}

func field(file, name string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return -1
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

func write(folder, name, value string) error {
	return os.WriteFile(filepath.Join(folder, name), []byte(value), 0)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// reason is an error without its path, which says nothing to people.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
