package sandbox

import "errors"

// What callers can tell apart, by errors.Is. Errors that wrap these say more.
var (
	ErrExists      = errors.New("the sandbox exists already")
	ErrNotFound    = errors.New("there is no such sandbox")
	ErrStopped     = errors.New("the sandbox is stopped")
	ErrGone        = errors.New("the sandbox is gone with its files")
	ErrUnreachable = errors.New("the sandbox can't be reached")
	// ErrUnavailable: no driver works here. It is wrapped with the reason.
	ErrUnavailable = errors.New("commands can't run here")

	ErrNoCommand     = errors.New("there is no such command")
	ErrNotExecutable = errors.New("this can't be executed")
	ErrNoFolder      = errors.New("there is no such folder")
	ErrNoFile        = errors.New("there is no such file")
	ErrNoProcess     = errors.New("the process has ended")
	ErrBadSignal     = errors.New("there is no such signal")
	ErrBadPath       = errors.New("this path leads out of its root")
	ErrBadEntry      = errors.New("this archive entry can't be unpacked")
	ErrTooMany       = errors.New("there are too many files")
	ErrDiskFull      = errors.New("the sandbox's disk is full")
	ErrNoResources   = errors.New("the sandbox has no processes or memory left")
	// ErrChanged: a file was changed while it was read, or a folder was swapped for a link
	// again and again while it was written to. Trying again makes sense.
	ErrChanged = errors.New("files changed meanwhile")
)
