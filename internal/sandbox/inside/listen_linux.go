//go:build linux && (amd64 || arm64)

package inside

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// socketName is in the sandbox's own network namespace, and no file.
const socketName = "@zeblit-inside"

// listen serves connections of one user, which is never that of commands, one at a time:
// whoever has it is the sandbox's owner, and others are turned away.
func (a *agent) listen(peer uint32) error {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketName, Net: "unix"})
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	var serving sync.WaitGroup
	defer serving.Wait()
	free := make(chan struct{}, 1) // has one entry while there is no owner
	free <- struct{}{}
	for {
		connection, err := listener.AcceptUnix()
		if err != nil {
			return err
		}
		if user, err := userOf(connection); err != nil || user != peer {
			_ = connection.Close()
			continue
		}
		select {
		case <-free:
		default:
			_ = connection.Close()
			continue
		}
		serving.Go(func() {
			defer func() { free <- struct{}{} }()
			defer func() { _ = connection.Close() }()
			_ = a.serve(connection) // its end concerns this connection only
		})
	}
}

func userOf(connection *net.UnixConn) (uint32, error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		credentials, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil || failed != nil {
		return 0, fmt.Errorf("who connects: %w", errors.Join(err, failed))
	}
	return credentials.Uid, nil
}

// connect joins a pair of streams to process 1, until either side ends.
func connect(in io.Reader, out io.Writer) error {
	var connection *net.UnixConn
	var err error
	for range 100 { // process 1 may only just start
		connection, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: socketName, Net: "unix"})
		if err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	ended := make(chan error, 2) // both directions, the second of which nobody waits for: the process ends
	go func() {
		_, err := io.Copy(connection, in)
		ended <- err
	}()
	go func() {
		n, err := io.Copy(out, connection)
		if err == nil && n == 0 {
			err = errors.New("the sandbox has another owner, or this isn't its user")
		}
		ended <- err
	}()
	return <-ended
}
