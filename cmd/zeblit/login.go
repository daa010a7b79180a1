package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/credentials"
	"github.com/zeblit/zeblit/internal/terminal"
)

// slowDown is what SLOW_DOWN adds to the pause between two polls, as RFC 8628 has it.
const slowDown = 5 * time.Second

// browserStarts is how long the opener of a browser may take to fail. Most hand over
// and end; some become the browser.
const browserStarts = time.Second

type loginCommand struct {
	URL       string `name:"url" env:"ZEBLIT_URL" placeholder:"URL" help:"The server's address. Default: the one signed in to last, else a server on this machine."`
	APIKey    string `name:"api-key" placeholder:"KEY|-" help:"Keep this key instead of asking in a browser; - reads it from standard input."`
	DataDir   string `name:"data-dir" env:"ZEBLIT_DATA_DIR" placeholder:"DIR" help:"A server's data folder on this machine: its owner.json says the address."`
	Name      string `name:"name" placeholder:"NAME" help:"What to call the key that is made. Default: zeblit on this computer's name."`
	NoBrowser bool   `name:"no-browser" help:"Don't open a browser, only print the address."`
}

func (f *loginCommand) Run(ctx context.Context, c console) error {
	path, err := credentials.Path()
	if err != nil {
		return err
	}
	kept, err := loadKept(c)
	if err != nil {
		return err
	}
	address, err := target{URL: f.URL, DataDir: f.DataDir}.address(kept)
	if err != nil {
		return err
	}
	if address == "" {
		address = "http://" + config.DefaultAddr
	}
	made, err := f.signIn(ctx, c, address)
	if err != nil {
		if ctx.Err() != nil {
			return &codeError{exitInterrupted, errors.New("interrupted: you aren't signed in")}
		}
		return explain(err, address)
	}
	err = credentials.Update(path, func(c *credentials.Config) {
		c.Default, c.Servers[address] = address, made
	})
	if err != nil {
		return err
	}
	if before := kept.Servers[address]; before.KeyID != "" && before.KeyID != made.KeyID {
		// The key that this one replaces. That it can't be revoked, because it was
		// already or isn't this account's, is nothing the person must know.
		_ = revoke(ctx, address, made.APIKey, before.KeyID)
	}
	_, err = fmt.Fprintf(c.out, "Signed in to %s as %s.\n", address, terminal.CleanLine(made.User))
	return err
}

func (f *loginCommand) signIn(ctx context.Context, c console, address string) (credentials.Server, error) {
	if f.APIKey != "" {
		key, err := f.key(c)
		if err != nil {
			return credentials.Server{}, err
		}
		user, err := viewer(ctx, address, key)
		return credentials.Server{APIKey: key, User: user}, err
	}
	api, err := client.New(client.Options{URL: address})
	if err != nil {
		return credentials.Server{}, &codeError{exitUsage, err}
	}
	name := f.Name
	if name == "" {
		name = clientName()
	}
	code, err := api.RequestDeviceCode(ctx, name)
	if err != nil {
		return credentials.Server{}, err
	}
	_, _ = fmt.Fprintf(c.out, "To sign in, open %s\nin a browser and enter the code:\n\n  %s\n\n", terminal.CleanLine(code.VerificationURL), c.style().Bold(terminal.CleanLine(code.UserCode)))
	if !f.NoBrowser && c.terminal && browse(code.VerificationURLComplete) {
		_, _ = fmt.Fprintln(c.out, "A browser was opened, with the code in it: check that it is the same.")
	}
	_, _ = fmt.Fprintf(c.out, "Waiting, until %s. Ctrl-C gives up.\n", code.ExpiresAt.Local().Format("15:04"))
	answer, err := poll(ctx, api, code)
	if err != nil {
		return credentials.Server{}, err
	}
	user, err := viewer(ctx, address, answer.Secret)
	return credentials.Server{APIKey: answer.Secret, KeyID: answer.APIKey.ID, User: user}, err
}

// poll asks what became of the code until somebody decides or it is over. A server
// that doesn't answer for a while is asked again.
func poll(ctx context.Context, api *client.Client, code client.DeviceCode) (client.DeviceAnswer, error) {
	pause := time.Duration(max(code.Interval, 1)) * time.Second
	for {
		select {
		case <-ctx.Done():
			return client.DeviceAnswer{}, ctx.Err()
		case <-time.After(pause):
		}
		answer, err := api.ExchangeDeviceCode(ctx, code.DeviceCode)
		var unreachable *client.UnreachableError
		switch {
		case errors.As(err, &unreachable), client.IsCode(err, "UNAVAILABLE"), client.IsCode(err, "RATE_LIMITED"):
			if time.Now().After(code.ExpiresAt) {
				return answer, err
			}
			continue
		case err != nil:
			return answer, err
		}
		switch answer.Status {
		case client.DeviceApproved:
			if answer.Secret == "" || answer.APIKey == nil {
				return answer, errors.New("the server approved without a key")
			}
			return answer, nil
		case client.DeviceSlowDown:
			pause += slowDown
		case client.DevicePending:
		case client.DeviceDenied:
			return answer, &codeError{exitCredentials, errors.New("the sign-in was refused in the browser")}
		default:
			return answer, &codeError{exitCredentials, errors.New("the code is over: try again")}
		}
	}
}

// key is the one given, or read from standard input without showing it.
func (f *loginCommand) key(c console) (string, error) {
	if f.APIKey != "-" {
		return f.APIKey, nil
	}
	if file, ok := c.in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return secret(c, file, "API key: ")
	}
	defer c.reading(nil)()
	line, _ := bufio.NewReader(c.in).ReadString('\n') // an empty one is refused below
	if line = strings.TrimSpace(line); line == "" {
		return "", &codeError{exitUsage, errors.New("standard input holds no key")}
	}
	return line, nil
}

// secret reads a line from a terminal without showing it.
func secret(c console, in *os.File, ask string) (string, error) {
	prompt := terminal.NewSecretPrompt(in, c.err, ask)
	defer c.reading(prompt.Restore)()
	line, err := prompt.Read()
	if errors.Is(err, io.EOF) { // Ctrl-C or Ctrl-D
		return "", &codeError{exitInterrupted, errors.New("interrupted: you aren't signed in")}
	}
	return strings.TrimSpace(line), err
}

// viewer is whose key it is: UNAUTHENTICATED when it isn't good.
func viewer(ctx context.Context, address, key string) (string, error) {
	api, err := client.New(client.Options{URL: address, Key: key})
	if err != nil {
		return "", &codeError{exitUsage, err}
	}
	user, err := api.Viewer(ctx)
	if err != nil {
		return "", err
	}
	if user == nil {
		return "", &codeError{exitCredentials, errors.New("the server doesn't know the key")}
	}
	if user.Email == "" {
		return user.Name, nil
	}
	return user.Email, nil
}

func revoke(ctx context.Context, address, key, id string) error {
	api, err := client.New(client.Options{URL: address, Key: key})
	if err != nil {
		return err
	}
	return api.RevokeAPIKey(ctx, id)
}

func clientName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "zeblit"
	}
	return terminal.Shorten("zeblit on "+host, 100)
}

// browse opens a browser, where there is one in front of the person.
func browse(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	opener := opener(runtime.GOOS, os.Getenv)
	if opener == "" {
		return false
	}
	cmd := exec.Command(opener, u.String())               //nolint:gosec // one of two fixed programs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C here doesn't close the browser
	if cmd.Start() != nil {
		return false
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // until the program ends, where the browser stays
	select {
	case err := <-ended:
		return err == nil
	case <-time.After(browserStarts):
		return true
	}
}

// opener is the program that opens a browser: "" where none would be seen.
func opener(system string, getenv func(string) string) string {
	if getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != "" {
		return ""
	}
	switch {
	case system == "darwin":
		return "open"
	case getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "":
		return "xdg-open"
	}
	return ""
}
