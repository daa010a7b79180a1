package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// apart names the variable that says that this process has mounts of its own.
const apart = "ZEBLIT_SOAK_APART"

// setApart runs the command again in a mount namespace of its own, where what it mounts
// is seen by nobody else and goes with it. false: that isn't allowed here.
func setApart() (code int, done bool) {
	if os.Getenv(apart) != "" || os.Geteuid() != 0 {
		return 0, false
	}
	self, err := os.Executable()
	if err != nil {
		return 0, false
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), apart+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		return 0, false
	}
	signal.Ignore(os.Interrupt) // it is the other's, who ends in order
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return cmd.ProcessState.ExitCode(), true
}

// mountSmall mounts a disk in memory.
func mountSmall(dir string, megabytes int) (unmount func() error, err error) {
	options := fmt.Sprintf("size=%dm,mode=0700", megabytes)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, options); err != nil {
		return nil, fmt.Errorf("mount a small disk, which root may: %w", err)
	}
	return func() error { return syscall.Unmount(dir, 0) }, nil
}
