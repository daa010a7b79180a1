// Package credentials keeps a person's API keys for the terminal client, in one file
// that only they can read: a key for each server, under the server's address, and
// which server is meant when none is named. A key is only ever given out for the
// address that it is kept under.
package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Server is how a person signs in to one server.
type Server struct {
	APIKey string `json:"apiKey"`
	// KeyID names the key, so that it can be revoked. Empty for one that was given.
	KeyID string `json:"apiKeyId,omitempty"`
	// User is whose key it is, for people.
	User string `json:"user,omitempty"`
}

// Config is the file's content. Servers are kept under their canonical addresses.
type Config struct {
	Default string            `json:"default,omitempty"`
	Servers map[string]Server `json:"servers"`
}

// Path is where the file is: $XDG_CONFIG_HOME/zeblit/config.json, or below ~/.config.
func Path() (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // as the XDG specification has it, a relative one doesn't count
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the configuration: %w", err)
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "zeblit", "config.json"), nil
}

// Load reads the file; one that isn't there is empty. Where others could read it
// its mode is set right, and tightened says so; what can't be set right is refused.
func Load(path string) (c Config, tightened bool, err error) {
	c.Servers = map[string]Server{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read the configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return c, false, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return c, false, fmt.Errorf("%s holds keys and can be read by others: its mode must be 0600 (%w)", path, err)
		}
		tightened = true
	}
	if err := json.NewDecoder(f).Decode(&c); err != nil {
		return c, tightened, fmt.Errorf("%s is damaged: delete it and sign in again (%w)", path, err)
	}
	if c.Servers == nil {
		c.Servers = map[string]Server{}
	}
	return c, tightened, nil
}

// Update changes the file: change is given what it holds. Of processes that do so at
// once each sees what the others did. The file is replaced as a whole or not at all.
func Update(path string, change func(*Config)) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the configuration: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the configuration: %w", err)
	}
	defer func() { _ = lock.Close() }() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the configuration: %w", err)
	}
	c, _, err := Load(path)
	if err != nil {
		return err
	}
	change(&c)
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(path, append(data, '\n')); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// replace writes a file that only its owner can read, by way of a new one, so that a
// reader finds the old or the new content.
func replace(path string, data []byte) (err error) {
	next, err := os.CreateTemp(filepath.Dir(path), ".config-") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next.Name())
		}
	}()
	_, err = next.Write(data)
	if err == nil {
		err = next.Sync()
	}
	if err = errors.Join(err, next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}

// Canonical is the form of a server's address under which its key is kept: two
// addresses with the same form are one server.
func Canonical(address string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the server's address must begin with http:// or https://, without user, query or fragment")
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u.Scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/"), nil
}
