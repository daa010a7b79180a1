package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// provide returns the volume that has the program for the inside, and fills it where it
// must. It has the program's content in its name, and so is filled once per version.
func (d *Driver) provide(ctx context.Context, image string) (string, error) {
	d.volume.Lock()
	defer d.volume.Unlock()
	if d.program != "" {
		return d.program, nil
	}
	program, err := os.Open(d.config.Inside)
	if err != nil {
		return "", fmt.Errorf("read the program for the inside of sandboxes: %w", err)
	}
	defer func() { _ = program.Close() }()
	if err := static(program); err != nil {
		return "", err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, program)
	if err != nil {
		return "", err
	}
	name := "zeblit-inside-" + hex.EncodeToString(hash.Sum(nil)[:8])
	if _, err := program.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if err := d.fill(ctx, image, name, program, size); err != nil {
		return "", fmt.Errorf("give the engine the program for the inside: %w", err)
	}
	d.program = name
	return name, nil
}

// static refuses a program that needs libraries, which an image may not have.
func static(program io.ReaderAt) error {
	binary, err := elf.NewFile(program)
	if err != nil {
		return fmt.Errorf("%w: the program for the inside isn't one of Linux: %w", sandbox.ErrUnavailable, err)
	}
	for _, part := range binary.Progs {
		if part.Type == elf.PT_INTERP {
			return fmt.Errorf("%w: the program for the inside isn't statically linked (CGO_ENABLED=0)", sandbox.ErrUnavailable)
		}
	}
	return nil
}

// fill copies the program by way of a container that never runs.
func (d *Driver) fill(ctx context.Context, image, volume string, program io.Reader, size int64) error {
	if _, err := d.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: volume, Labels: map[string]string{"zeblit.inside": "true"}}); err != nil {
		// Podman doesn't like that another process makes it just now.
		if _, missing := d.api.VolumeInspect(ctx, volume, client.VolumeInspectOptions{}); missing != nil {
			return unreachable(errors.Join(err, missing))
		}
	}
	made, err := d.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:   "zeblit-fill-" + strings.ToLower(rand.Text()),
		Config: &container.Config{Image: image, Entrypoint: []string{insideProgram}, User: "65534:65534", Labels: map[string]string{"zeblit.fill": d.place}},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"},
			Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: volume, Target: folder, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}},
		},
	})
	if err != nil {
		return unreachable(err)
	}
	err = d.copyIn(ctx, made.ID, program, size)
	return errors.Join(err, d.discard(made.ID))
}

func (d *Driver) copyIn(ctx context.Context, containerID string, program io.Reader, size int64) error {
	there, err := d.api.ContainerStatPath(ctx, containerID, client.ContainerStatPathOptions{Path: insideProgram})
	if err == nil && there.Stat.Size == size {
		return nil
	}
	// To execute and not to read: the kernel lets nobody trace what can't be read.
	var head bytes.Buffer
	archive := tar.NewWriter(&head)
	if err := archive.WriteHeader(&tar.Header{Name: "inside", Mode: 0o111, Size: size, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	padding := make([]byte, (512-size%512)%512+1024)
	content := io.MultiReader(&head, io.LimitReader(program, size), bytes.NewReader(padding))
	_, err = d.api.CopyToContainer(ctx, containerID, client.CopyToContainerOptions{DestinationPath: folder, Content: content})
	return err
}
