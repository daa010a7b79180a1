// Package keep is where drivers keep on this machine what belongs to a sandbox: a folder
// for each, with
//
//	spec.json  what it was made by
//	files.tar  what Stop kept; Wake removes it once everything is back
//	lock       locked by the process that has it, where a driver needs that
//
// While there is an archive the sandbox is stopped, whatever else there may be: it comes
// into place as the last act of stopping, and goes as the last of waking.
package keep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/sandbox"
)

// Folder is a sandbox's.
type Folder string

func (f Folder) file(name string) string { return filepath.Join(string(f), name) }

// Exists reports whether there is one.
func (f Folder) Exists() bool {
	_, err := os.Lstat(string(f))
	return err == nil
}

// Stopped reports whether there is an archive.
func (f Folder) Stopped() bool {
	_, err := os.Lstat(f.file("files.tar"))
	return err == nil
}

// Spec is what the sandbox was made by.
func (f Folder) Spec() (sandbox.Spec, error) {
	var spec sandbox.Spec
	raw, err := os.ReadFile(f.file("spec.json"))
	if err != nil {
		return spec, err
	}
	return spec, json.Unmarshal(raw, &spec)
}

// Save makes the folder where it isn't there, with the spec.
func (f Folder) Save(spec sandbox.Spec) error {
	raw, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	return os.WriteFile(f.file("spec.json"), raw, 0o600)
}

// Keep writes the archive, all of it or nothing, of at most limit bytes.
func (f Folder) Keep(archive io.Reader, limit int64) error {
	part := f.file("files.tar.part")
	to, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, io.LimitReader(archive, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%w: they would take more than %d bytes on the host", sandbox.ErrTooMany, limit)
	}
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, f.file("files.tar")); err != nil {
		return err
	}
	return f.sync()
}

// Archive opens it, to bring its files back.
func (f Folder) Archive() (*os.File, error) { return os.Open(f.file("files.tar")) }

// Woken removes the archive.
func (f Folder) Woken() error { return errors.Join(os.Remove(f.file("files.tar")), f.sync()) }

func (f Folder) sync() error {
	folder, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Remove removes the folder.
func (f Folder) Remove() error { return os.RemoveAll(string(f)) }

// unfinished begins the names of folders that are being made.
const unfinished = ".new-"

// Sweep removes what was never finished below dir.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		about, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), unfinished) || time.Since(about.ModTime()) < time.Minute {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
