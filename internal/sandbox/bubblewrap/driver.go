//go:build linux

// Package bubblewrap makes sandboxes of Linux namespaces with the program bwrap. It
// works as root and as an ordinary user where the kernel lets those make namespaces; as
// root, each sandbox has a user id of the host's of its own, that nobody else has.
//
// A sandbox is a process of this one, and ends with it, however that ends: then its
// files are lost, which Open and List say. Each has a folder in Config.Dir (package keep)
// with a lock that its process holds for as long as it lives. So it runs where the lock
// is held, is stopped where there is an archive, and is lost where there is neither.
package bubblewrap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/cgroup"
	"github.com/zeblit/zeblit/internal/sandbox/keep"
)

// Config of a driver.
type Config struct {
	// Dir keeps the sandboxes' folders. It is made where it isn't there.
	Dir string
	// Bwrap is the program; empty is "bwrap" in PATH.
	Bwrap string
	// Inside is the program that runs inside, as internal/sandbox/inside says; empty is
	// this one.
	Inside string
	// Toolchains are more folders of the host's that commands may read, besides /usr and
	// what belongs to it.
	Toolchains []string
	// NoGroups leaves control groups alone, as where the host has none.
	NoGroups bool
}

// Driver is a sandbox.Driver.
type Driver struct {
	config Config
	bwrap  string
	groups *cgroup.Hierarchy
	prefix string // of names of control groups
	start  *starter
	// program gives the copy that runs inside, made at the first use.
	program func() (string, error)

	mu     sync.Mutex
	boxes  map[string]*box // those that were used here
	closed bool
}

var _ sandbox.Driver = (*Driver)(nil)

// New makes a driver. It fails with sandbox.ErrUnavailable where bwrap is missing;
// whether it works, Check says. Close it.
func New(config Config) (*Driver, error) {
	bwrap, err := find(config.Bwrap)
	if err != nil {
		return nil, err
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
	if err := keep.Sweep(config.Dir); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(config.Dir))
	d := &Driver{
		config: config, bwrap: bwrap, prefix: hex.EncodeToString(sum[:4]) + "-",
		start: newStarter(), boxes: map[string]*box{},
	}
	if config.NoGroups {
		d.groups = cgroup.None("control groups are switched off")
	} else {
		d.groups = cgroup.Find("zeblit-sandboxes")
	}
	d.program = sync.OnceValues(func() (string, error) { return provide(config.Inside, config.Dir) })
	return d, nil
}

// Name is "bubblewrap".
func (d *Driver) Name() string { return "bubblewrap" }

// box is the one of an id, so that all who hold it agree on its state.
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
		b = &box{driver: d, id: id, place: keep.Folder(filepath.Join(d.config.Dir, id))}
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
func (d *Driver) Open(_ context.Context, id string) (sandbox.Sandbox, error) {
	b, err := d.box(id)
	if err != nil {
		return nil, err
	}
	state, err := b.look()
	switch {
	case err != nil:
		return nil, err
	case state == sandbox.Running || state == sandbox.Stopped:
		return b, nil
	case state == sandbox.Unreachable:
		return nil, fmt.Errorf("open sandbox %s: %w: another process of this machine has it", id, sandbox.ErrUnreachable)
	case b.place.Exists():
		return nil, fmt.Errorf("open sandbox %s: %w: the process that had it ended without stopping it", id, sandbox.ErrGone)
	}
	return nil, fmt.Errorf("open sandbox %s: %w", id, sandbox.ErrNotFound)
}

// List is sandbox.Driver's.
func (d *Driver) List(context.Context) ([]sandbox.Found, error) {
	entries, err := os.ReadDir(d.config.Dir)
	if err != nil {
		return nil, err
	}
	var found []sandbox.Found
	for _, entry := range entries {
		if !entry.IsDir() || sandbox.CheckID(entry.Name()) != nil {
			continue
		}
		b, err := d.box(entry.Name())
		if err != nil {
			return nil, err
		}
		state, err := b.look()
		if err != nil {
			return nil, err
		}
		spec, err := b.place.Spec()
		if errors.Is(err, fs.ErrNotExist) && !b.place.Exists() {
			continue // deleted meanwhile
		}
		// Without its spec it was lost while it was made; labels then are unknown.
		f := sandbox.Found{ID: b.id, Labels: spec.Labels, State: state, Owned: state == sandbox.Running || state == sandbox.Unreachable}
		if state == sandbox.Unreachable {
			f.State = sandbox.Running // by whom it isn't us
		}
		found = append(found, f)
	}
	return found, nil
}

// Delete is sandbox.Driver's.
func (d *Driver) Delete(ctx context.Context, id string) error {
	b, err := d.box(id)
	if err != nil {
		return err
	}
	return b.Delete(ctx)
}

// Close is sandbox.Driver's.
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
	d.start.close()
	return failed
}
