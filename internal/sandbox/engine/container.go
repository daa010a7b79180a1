package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/inside"
)

// Sizes of what can be written to besides Work, in bytes. They are part of the memory.
const (
	temporarySize = 256 << 20 // /tmp, at most; a quarter of the disk where that is less
	sharedSize    = 16 << 20  // /dev/shm
)

// Users inside. Each sandbox has one of its own, so that its number of processes can be
// limited where the engine has no user namespaces; they fit into what an engine without
// root has. Nothing else is the connector's.
const (
	firstUser = 20_000
	users     = 40_000
	connector = 65_533
)

// ownPids is what the container may have besides the commands' processes.
const ownPids = 64

// folder is where the volume is inside.
const folder = "/zeblit"

const insideProgram = folder + "/inside"

// make makes and starts a container.
func (d *Driver) make(ctx context.Context, name string, spec sandbox.Spec) error {
	image := spec.Image
	if image == "" {
		image = d.config.Image
	}
	if err := d.pull(ctx, image); err != nil {
		return err
	}
	volume, err := d.provide(ctx, image)
	if err != nil {
		return err
	}
	kept, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	made, err := d.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name, Config: d.container(image, spec, kept), HostConfig: hostConfig(volume, spec.Limits),
	})
	if errdefs.IsConflict(err) {
		return sandbox.ErrExists
	}
	if err != nil {
		return unreachable(err)
	}
	if _, err := d.api.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return errors.Join(fmt.Errorf("start the container: %w", err), d.discard(made.ID))
	}
	return nil
}

func (d *Driver) container(image string, spec sandbox.Spec, kept []byte) *container.Config {
	labels := map[string]string{labelID: spec.ID, labelPlace: d.place, labelSpec: string(kept)}
	for name, value := range spec.Labels {
		labels[labelPrefix+name] = value
	}
	user := strconv.Itoa(userOf(spec.ID))
	return &container.Config{
		Image: image, User: user + ":" + user, Labels: labels, WorkingDir: sandbox.Work, Hostname: "sandbox",
		Entrypoint: []string{insideProgram}, Cmd: []string{inside.ListenWord, strconv.Itoa(connector)},
		NetworkDisabled: true,
	}
}

// hostConfig sends every limit, also where the engine has a default for it.
func hostConfig(volume string, limits sandbox.Limits) *container.HostConfig {
	pids := int64(limits.Pids + ownPids)
	no := false
	return &container.HostConfig{
		NetworkMode: "none", IpcMode: "private", CgroupnsMode: "private",
		ReadonlyRootfs: true, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		RestartPolicy: container.RestartPolicy{Name: "no"}, LogConfig: container.LogConfig{Type: "none"},
		Init: &no, ShmSize: sharedSize,
		Tmpfs: map[string]string{
			sandbox.Work: options(limits.Disk),
			"/tmp":       options(min(temporarySize, limits.Disk/4)),
			// Podman would give these to everybody to write to, without a limit.
			"/var/tmp": nobodys, "/run": nobodys,
		},
		Mounts: []mount.Mount{{
			Type: mount.TypeVolume, Source: volume, Target: folder, ReadOnly: true,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true},
		}},
		Resources: container.Resources{
			Memory: limits.Memory, MemorySwap: limits.Memory, NanoCPUs: int64(limits.CPU * 1e9), PidsLimit: &pids,
			Ulimits: []*container.Ulimit{
				{Name: "nofile", Soft: int64(limits.OpenFiles), Hard: int64(limits.OpenFiles)},
				{Name: "nproc", Soft: pids, Hard: pids},
				{Name: "core", Soft: 0, Hard: 0},
				{Name: "fsize", Soft: limits.FileSize, Hard: limits.FileSize},
			},
		},
	}
}

// nobodys are the options of an empty folder.
const nobodys = "rw,noexec,nosuid,nodev,mode=0755,size=4096"

// options are a tmpfs's, from which programs may be run.
func options(size int64) string {
	return "rw,exec,nosuid,nodev,mode=1777,size=" + strconv.FormatInt(size, 10)
}

func userOf(id string) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, id)
	return firstUser + int(h.Sum32()%users)
}

func (d *Driver) pull(ctx context.Context, image string) error {
	_, err := d.api.ImageInspect(ctx, image)
	if err == nil {
		return nil
	}
	if !errdefs.IsNotFound(err) {
		return unreachable(err)
	}
	pulling, err := d.api.ImagePull(ctx, image, client.ImagePullOptions{})
	if err == nil {
		err = errors.Join(pulling.Wait(ctx), pulling.Close())
	}
	if err != nil {
		return fmt.Errorf("%w: the image %s can't be had: %w", sandbox.ErrUnavailable, image, err)
	}
	return nil
}

// discardPatience bounds the removal of a container, which must also happen where what
// it was for was given up.
const discardPatience = 30 * time.Second

// discard removes a container by id or name; that it isn't there is no error.
func (d *Driver) discard(containerID string) error {
	ctx, cancel := context.WithTimeout(context.Background(), discardPatience)
	defer cancel()
	_, err := d.api.ContainerRemove(ctx, containerID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	for i := 0; errdefs.IsConflict(err) && i < 50; i++ { // somebody else is removing it
		time.Sleep(100 * time.Millisecond)
		_, err = d.api.ContainerRemove(ctx, containerID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return unreachable(err)
}
