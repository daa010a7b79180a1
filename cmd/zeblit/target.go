package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/credentials"
)

// target says which server a command speaks to, and as whom. What isn't said is
// taken from what login has kept, and then from the owner.json of a server on this
// machine. A kept key is only sent to the server that it is for.
type target struct {
	URL     string `name:"url" env:"ZEBLIT_URL" placeholder:"URL" help:"The server's address. Default: the one signed in to last, else that of a server whose data folder is here."`
	APIKey  string `name:"api-key" env:"ZEBLIT_API_KEY" placeholder:"KEY" help:"The key to use. Default: the one that login has kept for this server."`
	DataDir string `name:"data-dir" env:"ZEBLIT_DATA_DIR" placeholder:"DIR" help:"A server's data folder on this machine: use its owner.json, for address and key."`
}

// endpoint is a server and the key for it.
type endpoint struct{ url, key string }

// owner is what a server leaves in its data folder for the person who started it.
type owner struct {
	URL      string `json:"url"`
	Email    string `json:"email"`
	Password string `json:"password"`
	APIKey   string `json:"apiKey"`
}

// address is the canonical address of the server meant: "" when nothing says.
func (t target) address(kept credentials.Config) (string, error) {
	switch {
	case t.URL != "":
		address, err := credentials.Canonical(t.URL)
		if err != nil {
			return "", &codeError{exitUsage, err}
		}
		return address, nil
	case t.DataDir == "" && kept.Default != "":
		return kept.Default, nil
	}
	o, err := t.owner()
	if err != nil || o.URL == "" {
		return "", err
	}
	return credentials.Canonical(o.URL)
}

// resolve finds the server and the key.
func (t target) resolve(c console) (endpoint, error) {
	kept, err := loadKept(c)
	if err != nil {
		return endpoint{}, err
	}
	at := endpoint{key: t.APIKey}
	if at.url, err = t.address(kept); err != nil {
		return endpoint{}, err
	}
	if at.url == "" && t.DataDir == "" && len(kept.Servers) > 0 {
		known := slices.Sorted(maps.Keys(kept.Servers))
		return endpoint{}, &codeError{exitCredentials, fmt.Errorf("which server? You are signed in to %s: name it with --url, or sign in anew with zeblit login", strings.Join(known, ", "))}
	}
	if at.url == "" {
		return endpoint{}, &codeError{exitCredentials, fmt.Errorf("you aren't signed in, and there is no %s: sign in with zeblit login --url URL, or start a server with make run", t.ownerFile())}
	}
	if at.key == "" && t.DataDir == "" {
		at.key = kept.Servers[at.url].APIKey
	}
	if at.key == "" {
		if o, err := t.owner(); err == nil && sameServer(o.URL, at.url) {
			at.key = o.APIKey
		}
	}
	if at.key == "" {
		at.key = kept.Servers[at.url].APIKey
	}
	if at.key == "" {
		return endpoint{}, &codeError{exitCredentials, fmt.Errorf("you aren't signed in to %s: zeblit login --url %s (or give a key with --api-key or ZEBLIT_API_KEY)", at.url, at.url)}
	}
	return at, nil
}

func loadKept(c console) (credentials.Config, error) {
	path, err := credentials.Path()
	if err != nil {
		return credentials.Config{}, nil //nolint:nilerr // without a home nothing is kept
	}
	kept, tightened, err := credentials.Load(path)
	if tightened {
		_, _ = fmt.Fprintf(c.err, "zeblit: others could read %s; its mode is 0600 now\n", path)
	}
	if err != nil {
		return kept, &codeError{exitUsage, err}
	}
	return kept, nil
}

func (t target) ownerFile() string {
	dir := t.DataDir
	if dir == "" {
		dir = config.DefaultDataDir
	}
	return filepath.Join(dir, "owner.json")
}

// owner reads owner.json; one that isn't there is empty.
func (t target) owner() (o owner, err error) {
	raw, err := os.ReadFile(t.ownerFile())
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("read the owner's key: %w", err)
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, fmt.Errorf("%s is damaged: give --url and --api-key", t.ownerFile())
	}
	return o, nil
}

// sameServer reports whether two addresses name one server: the names of this
// machine itself are the same.
func sameServer(a, b string) bool {
	a, err1 := credentials.Canonical(a)
	b, err2 := credentials.Canonical(b)
	return err1 == nil && err2 == nil && (a == b || here(a) != "" && here(a) == here(b))
}

// here is an address with the machine's own name taken out: "" when it is another's.
func here(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	return u.Scheme + " " + u.Port() + " " + u.Path
}

// with connects and works, and puts what to do behind the errors that people meet.
func (t target) with(ctx context.Context, c console, notice func(string), work func(*client.Client) error) error {
	at, err := t.resolve(c)
	if err != nil {
		return err
	}
	api, err := client.New(client.Options{URL: at.url, Key: at.key, Notice: notice})
	if err != nil {
		return &codeError{exitUsage, err}
	}
	err = work(api)
	if err != nil && ctx.Err() != nil {
		return &codeError{exitInterrupted, errors.New("interrupted")}
	}
	return explain(err, at.url)
}

// explain gives an error its exit code.
func explain(err error, address string) error {
	var coded *codeError
	var unreachable *client.UnreachableError
	var noProject *client.NoProjectError
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.As(err, &unreachable) && unreachable.After == 0:
		return &codeError{exitUnreachable, fmt.Errorf("no server answers at %s: start it with make run, or name another with --url (%w)", address, unreachable.Err)}
	case errors.As(err, &unreachable):
		return &codeError{exitUnreachable, fmt.Errorf("gave up: %w", err)}
	case client.IsCode(err, "UNAUTHENTICATED"):
		return &codeError{exitCredentials, fmt.Errorf("%w: sign in with zeblit login --url %s", err, address)}
	case client.IsCode(err, "NOT_FOUND"), errors.As(err, &noProject):
		return &codeError{exitNotFound, err}
	case client.IsCode(err, "BAD_USER_INPUT"):
		return &codeError{exitUsage, err}
	}
	return err
}
