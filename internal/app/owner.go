package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/zeblit/zeblit/internal/identity"
)

// ownerFile is what owner.json holds: the way in for the person who started the
// server. Its mode is 0600.
type ownerFile struct {
	URL      string `json:"url"`
	Email    string `json:"email"`
	Password string `json:"password"`
	APIKey   string `json:"apiKey"`
}

// introduce makes the owner's account on an empty database, keeps owner.json's
// URL right, and gathers what to tell.
func (a *App) introduce(ctx context.Context, url string) (Ready, error) {
	ready := Ready{URL: url, DataDir: a.cfg.DataDir, Demo: a.demo(), Model: a.provider.Name() + " " + a.provider.DefaultModel()}
	file := filepath.Join(a.cfg.DataDir, "owner.json")
	owner, err := a.identity.EnsureOwner(ctx)
	if err != nil {
		return ready, fmt.Errorf("make the owner's account: %w", err)
	}
	ready.Owner = owner
	if err := writeOwner(file, url, owner); err != nil {
		return ready, fmt.Errorf("write %s: %w", file, err)
	}
	if _, err := os.Stat(file); err == nil {
		ready.OwnerFile = file
	}
	return ready, nil
}

func writeOwner(file, url string, made *identity.Owner) error {
	content := ownerFile{URL: url}
	if made != nil {
		content.Email, content.Password, content.APIKey = made.Email, made.Password, made.APIKey
	} else {
		old, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		var before ownerFile
		if err := json.Unmarshal(old, &before); err != nil {
			return fmt.Errorf("it holds no owner's credentials (delete it if that is meant to be): %w", err)
		}
		if before.URL == url {
			return nil
		}
		content = before
		content.URL = url
	}
	data, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	next := file + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// lock takes the data folder for this process; the system lets go of it when the
// process ends, however it ends.
func (a *App) lock() error {
	f, err := os.OpenFile(filepath.Join(a.cfg.DataDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("another zeblit uses the data folder %s (one process per folder; use PostgreSQL for more)", a.cfg.DataDir)
	}
	a.unlock = func() error { // closing leaves it to a process that was just started and isn't yet another program
		return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
	}
	return nil
}
