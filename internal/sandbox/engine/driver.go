// Package engine makes sandboxes with the Docker Engine API: with Docker, or with Podman
// behind "podman system service", on this machine or another.
//
// A sandbox is a container without a network and without any right, whose process 1 is
// the part inside (internal/sandbox/inside). That comes from a volume which all
// sandboxes of one version share and can only read; the volume is filled over the API,
// so that the engine needs nothing from this machine, and an image nothing but /bin/sh.
// The conversation is the standard input and output of an exec, by another user than
// the commands': process 1 serves one at a time, which is the sandbox's owner, and
// nobody else can connect. So a sandbox outlives a process that dies without a word, and
// another can open it.
//
// Work is a tmpfs, which is gone when a container stops. So Stop carries the files out,
// to a folder on this machine (package keep), and removes the container.
package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/keep"
)

// DefaultImage has Node, Python, git and a compiler.
const DefaultImage = "docker.io/library/node:22-bookworm"

// Labels of containers. Those of a sandbox.Spec have the prefix.
const (
	labelID     = "zeblit.sandbox"
	labelPlace  = "zeblit.place"
	labelPrefix = "zeblit.label."
)

// Config of a driver.
type Config struct {
	// Host is the engine's address, as unix:///run/podman/podman.sock or tcp://host:2376.
	// Empty takes DOCKER_HOST and the variables that go with it, or the usual socket.
	Host string
	// Image is used where a Spec names none. Empty is DefaultImage. One that the engine
	// doesn't have is pulled.
	Image string
	// Dir keeps the files of sandboxes that are stopped.
	Dir string
	// Installation tells the sandboxes of one database from others' on the same engine.
	// Empty is made out of Dir.
	Installation string
	// Inside is the program that runs inside, which must be statically linked; empty is
	// this one.
	Inside string
}

// Driver is a sandbox.Driver.
type Driver struct {
	config Config
	api    *client.Client
	place  string // the value of labelPlace
	// volume has the program for the inside. It is filled at the first use, and then
	// known.
	volume  sync.Mutex
	program string

	mu     sync.Mutex
	boxes  map[string]*box
	closed bool
}

var _ sandbox.Driver = (*Driver)(nil)

// New makes a driver; whether there is an engine, Check says. Close it.
func New(config Config) (*Driver, error) {
	options := []client.Opt{client.FromEnv}
	if config.Host != "" {
		options = append(options, client.WithHost(config.Host))
	}
	api, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("%w: the container engine's address: %w", sandbox.ErrUnavailable, err)
	}
	if config.Image == "" {
		config.Image = DefaultImage
	}
	if config.Inside == "" {
		if config.Inside, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if config.Dir, err = filepath.Abs(config.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandboxes' folder: %w", err)
	}
	if config.Installation == "" {
		config.Installation = config.Dir
	}
	sum := sha256.Sum256([]byte(config.Installation))
	return &Driver{config: config, api: api, place: hex.EncodeToString(sum[:6]), boxes: map[string]*box{}}, nil
}

// Name is "docker", also with Podman.
func (d *Driver) Name() string { return "docker" }

func (d *Driver) box(id string) (*box, error) {
	if err := sandbox.CheckID(id); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("the sandbox driver is closed")
	}
	b := d.boxes[id]
	if b == nil {
		b = &box{driver: d, id: id, name: "zeblit-" + d.place + "-" + id, place: keep.Folder(filepath.Join(d.config.Dir, id))}
		d.boxes[id] = b
	}
	return b, nil
}

// Create is sandbox.Driver's.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	spec, err := spec.Checked()
	if err != nil {
		return nil, err
	}
	b, err := d.box(spec.ID)
	if err != nil {
		return nil, err
	}
	if err := b.create(ctx, spec); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	return b, nil
}

// Open is sandbox.Driver's.
func (d *Driver) Open(ctx context.Context, id string) (sandbox.Sandbox, error) {
	b, err := d.box(id)
	if err != nil {
		return nil, err
	}
	state, err := b.State(ctx)
	switch {
	case err != nil:
		return nil, err
	case state == sandbox.Stopped:
		return b, nil
	case state == sandbox.Running:
		if _, err := b.live(ctx); err != nil {
			return nil, err
		}
		return b, nil
	case state == sandbox.Unreachable:
		return nil, fmt.Errorf("open sandbox %s: %w: the container engine doesn't answer", id, sandbox.ErrUnreachable)
	case b.place.Exists():
		return nil, fmt.Errorf("open sandbox %s: %w: its container ended without being stopped", id, sandbox.ErrGone)
	}
	return nil, fmt.Errorf("open sandbox %s: %w", id, sandbox.ErrNotFound)
}

// List is sandbox.Driver's. It fails where the engine doesn't answer.
func (d *Driver) List(ctx context.Context) ([]sandbox.Found, error) {
	var found []sandbox.Found
	seen := map[string]bool{}
	entries, err := os.ReadDir(d.config.Dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		place := keep.Folder(filepath.Join(d.config.Dir, entry.Name()))
		if !entry.IsDir() || sandbox.CheckID(entry.Name()) != nil || !place.Stopped() {
			continue
		}
		spec, err := place.Spec()
		if err != nil {
			return nil, err
		}
		seen[entry.Name()] = true
		found = append(found, sandbox.Found{ID: entry.Name(), Labels: spec.Labels, State: sandbox.Stopped})
	}
	listed, err := d.api.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelPlace+"="+d.place),
	})
	if err != nil {
		return nil, unreachable(err)
	}
	for _, one := range listed.Items {
		id := one.Labels[labelID]
		if seen[id] || sandbox.CheckID(id) != nil {
			continue // what is left of one that is stopped goes with its waking
		}
		seen[id] = true
		f := sandbox.Found{ID: id, Labels: labelsOf(one.Labels), State: sandbox.Deleted}
		if one.State == container.StateRunning {
			f.State = sandbox.Running
			if f.Owned, err = d.owned(ctx, one.ID); err != nil {
				return nil, err
			}
		}
		found = append(found, f)
	}
	for _, entry := range entries {
		place := keep.Folder(filepath.Join(d.config.Dir, entry.Name()))
		if spec, err := place.Spec(); err == nil && !seen[entry.Name()] && sandbox.CheckID(entry.Name()) == nil {
			found = append(found, sandbox.Found{ID: entry.Name(), Labels: spec.Labels, State: sandbox.Deleted})
		}
	}
	return found, nil
}

// owned reports whether somebody speaks to a container.
func (d *Driver) owned(ctx context.Context, containerID string) (bool, error) {
	about, err := d.api.ContainerInspect(ctx, containerID, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, unreachable(err)
	}
	for _, id := range about.Container.ExecIDs {
		exec, err := d.api.ExecInspect(ctx, id, client.ExecInspectOptions{})
		if err == nil && exec.Running {
			return true, nil
		}
	}
	return false, nil
}

func labelsOf(all map[string]string) map[string]string {
	labels := map[string]string{}
	for name, value := range all {
		if name, ok := strings.CutPrefix(name, labelPrefix); ok {
			labels[name] = value
		}
	}
	return labels
}

func unreachable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: the container engine: %w", sandbox.ErrUnreachable, err)
}

// Delete is sandbox.Driver's.
func (d *Driver) Delete(ctx context.Context, id string) error {
	b, err := d.box(id)
	if err != nil {
		return err
	}
	return b.Delete(ctx)
}

// Close is sandbox.Driver's. It removes the containers that this process has.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	boxes := d.boxes
	d.mu.Unlock()
	var failed error
	for _, b := range boxes {
		failed = errors.Join(failed, b.drop())
	}
	return errors.Join(failed, d.api.Close())
}
