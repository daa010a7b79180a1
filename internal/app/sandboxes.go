package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/installation"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/configured"
	"github.com/zeblit/zeblit/internal/template"
)

// openHost makes what runs commands on this machine. Nothing of it is started before the
// first command.
func (a *App) openHost(ctx context.Context) (err error) {
	if a.installation, err = installation.ID(ctx, a.db); err != nil {
		return err
	}
	a.host = command.NewHost(command.HostOptions{
		Service: a.commands, Open: a.openSandboxes, Installation: a.installation, Node: a.node(),
		Image: a.image, IdleStop: a.cfg.SandboxIdleStop, Drain: a.cfg.Runs.Drain,
	})
	return nil
}

// image is the container image for projects that started from a template: the one that
// is configured for it, or for all, or the template's own. "" is the engine's default.
func (a *App) image(slug string) string {
	image := cmp.Or(a.cfg.SandboxImages[slug], a.cfg.SandboxImage)
	if t, err := template.Find(slug); image == "" && err == nil {
		image = t.Image
	}
	return image
}

// node names the machine and the data folder, where stopped sandboxes keep their files.
func (a *App) node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sum := sha256.Sum256([]byte(a.cfg.DataDir))
	return host + "-" + hex.EncodeToString(sum[:4])
}

// openSandboxes opens what the settings want and what works here.
func (a *App) openSandboxes(ctx context.Context) (sandbox.Driver, error) {
	driver, report, err := configured.Choose(ctx, configured.Config{
		Mode: configured.Mode(a.cfg.Sandbox), Dir: filepath.Join(a.cfg.DataDir, "sandboxes"), Installation: a.installation,
		EngineHost: a.cfg.SandboxEngine, Image: a.cfg.SandboxImage, Toolchains: a.cfg.SandboxToolchains, Inside: a.cfg.SandboxInside,
	})
	if err != nil {
		return nil, errors.Join(err, driver.Close())
	}
	a.logger.InfoContext(ctx, "commands run in sandboxes", "isolation", report)
	return driver, nil
}
