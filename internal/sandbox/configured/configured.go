// Package configured chooses where commands run: by the settings, and by what works
// here. Where nothing does, its driver refuses everything with the reason, so that
// nobody has to ask first and nothing runs without a sandbox.
package configured

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/sandbox/bubblewrap"
	"github.com/zeblit/zeblit/internal/sandbox/engine"
)

// Mode is which driver is wanted.
type Mode string

// The modes.
const (
	Auto       Mode = "auto"       // bubblewrap; else the container engine, where one is named
	Bubblewrap Mode = "bubblewrap" // or none
	Docker     Mode = "docker"     // or none; also Podman
	Off        Mode = "off"        // commands are refused
)

// Config says what is wanted.
type Config struct {
	Mode Mode // empty is Auto
	// Dir keeps what belongs to sandboxes on this machine.
	Dir string
	// EngineHost is the container engine's address; empty is DOCKER_HOST, which
	// the caller passes here, too, so that Auto knows of it.
	EngineHost string
	// Image is the container engine's; empty is engine.DefaultImage.
	Image string
	// Installation is the database's own name.
	Installation string
	// Toolchains are more folders of the host's that commands may read, with bubblewrap.
	Toolchains []string
	// Inside is the program that runs inside; empty is this one.
	Inside string
}

// Choose returns a driver, which is never nil, and what it does here. The error is why
// nothing runs: then the driver says it, too. Close the driver.
func Choose(ctx context.Context, config Config) (sandbox.Driver, sandbox.Report, error) {
	switch config.Mode {
	case Off:
		return refuse(sandbox.Report{}, fmt.Errorf("%w: sandboxes are switched off (ZEBLIT_SANDBOX=off)", sandbox.ErrUnavailable))
	case Bubblewrap:
		return check(ctx)(config.bubblewrap())
	case Docker:
		return check(ctx)(config.docker())
	case Auto, "":
	default:
		return refuse(sandbox.Report{}, fmt.Errorf("%w: there is no sandbox driver %q", sandbox.ErrUnavailable, config.Mode))
	}
	driver, report, err := check(ctx)(config.bubblewrap())
	if err == nil {
		return driver, report, nil
	}
	if config.EngineHost == "" {
		return driver, report, fmt.Errorf("%w; a container engine may do instead: set DOCKER_HOST", err)
	}
	other, otherReport, otherErr := check(ctx)(config.docker())
	if otherErr == nil {
		return other, otherReport, nil
	}
	return refuse(otherReport, errors.Join(err, otherErr))
}

func (c Config) bubblewrap() (sandbox.Driver, error) {
	return bubblewrap.New(bubblewrap.Config{Dir: filepath.Join(c.Dir, "bubblewrap"), Inside: c.Inside, Toolchains: c.Toolchains})
}

func (c Config) docker() (sandbox.Driver, error) {
	return engine.New(engine.Config{
		Dir: filepath.Join(c.Dir, "docker"), Host: c.EngineHost, Image: c.Image, Installation: c.Installation, Inside: c.Inside,
	})
}

// check tries a driver, and gives one that refuses in place of one that doesn't work.
func check(ctx context.Context) func(sandbox.Driver, error) (sandbox.Driver, sandbox.Report, error) {
	return func(driver sandbox.Driver, err error) (sandbox.Driver, sandbox.Report, error) {
		if err != nil {
			return refuse(sandbox.Report{}, err)
		}
		report, err := driver.Check(ctx)
		if err != nil {
			return refuse(report, errors.Join(err, driver.Close()))
		}
		return driver, report, nil
	}
}

func refuse(report sandbox.Report, why error) (sandbox.Driver, sandbox.Report, error) {
	if !errors.Is(why, sandbox.ErrUnavailable) {
		why = fmt.Errorf("%w: %w", sandbox.ErrUnavailable, why)
	}
	return refusing{why}, report, why
}

// refusing is a driver where nothing runs.
type refusing struct{ why error }

func (r refusing) Name() string                                          { return "none" }
func (r refusing) Check(context.Context) (sandbox.Report, error)         { return sandbox.Report{}, r.why }
func (r refusing) Open(context.Context, string) (sandbox.Sandbox, error) { return nil, r.why }
func (r refusing) List(context.Context) ([]sandbox.Found, error)         { return nil, r.why }
func (r refusing) Delete(context.Context, string) error                  { return r.why }
func (r refusing) Close() error                                          { return nil }

func (r refusing) Create(context.Context, sandbox.Spec) (sandbox.Sandbox, error) {
	return nil, r.why
}
