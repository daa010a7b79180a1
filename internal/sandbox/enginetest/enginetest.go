// Package enginetest gives tests a container engine of their own: Podman's service with
// runc, control groups by files, copies as storage (vfs), a limit of open files that
// containers get unless told otherwise, and one image, made out of busybox. It is
// stopped, with all its containers, when the process ends, however it ends.
package enginetest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Image is the one that the engine has. It has busybox and nothing else.
const Image = "localhost/zeblit-test:latest"

// Engine is a running one.
type Engine struct {
	dir     string
	stdin   io.WriteCloser // of the watchdog
	command *exec.Cmd
}

var (
	once    sync.Once
	started *Engine
	failed  error
)

// Host is the address of the engine that all tests of this process share.
func Host(t testing.TB) string {
	t.Helper()
	once.Do(func() { started, failed = Start() })
	require.NoError(t, failed)
	return started.Host()
}

// Stop ends the shared engine, for a package's TestMain.
func Stop() error {
	if started == nil {
		return nil
	}
	return started.Stop()
}

// settings are those that a machine with an old containers.conf has.
const settings = `[containers]
default_ulimits = ["nofile=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
`

// watchdog serves until its standard input ends.
const watchdog = `
podman="podman --root $DIR/root --runroot $DIR/run --tmpdir $DIR/tmp --storage-driver vfs --cgroup-manager cgroupfs --runtime runc"
mkdir -p $DIR/root $DIR/run $DIR/tmp
$podman import -q "$DIR/image.tar" "$IMAGE" >"$DIR/log" 2>&1 </dev/null || exit 1
$podman system service --time=0 "unix://$DIR/socket" >>"$DIR/log" 2>&1 </dev/null &
service=$!
trap '' INT TERM HUP
read -r _
$podman rm --all --force --time 0 >/dev/null 2>&1
kill $service; wait $service 2>/dev/null
umount "$DIR/root/vfs" 2>/dev/null
rm -rf "$DIR"
exit 0
`

// Start starts an engine and returns when it answers.
func Start() (*Engine, error) {
	for _, program := range []string{"podman", "runc", "busybox"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("the tests of the container engine need %s (Debian: apt-get install podman runc busybox-static): %w", program, err)
		}
	}
	dir, err := os.MkdirTemp("", "zeblit-engine-")
	if err != nil {
		return nil, err
	}
	image, err := image()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "image.tar"), image, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "containers.conf"), []byte(settings), 0o600)
	}
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir, command: exec.Command("sh", "-c", watchdog)}
	e.command.Env = append(os.Environ(), "DIR="+dir, "IMAGE="+Image, "CONTAINERS_CONF="+filepath.Join(dir, "containers.conf"))
	e.command.Dir = "/"
	if e.stdin, err = e.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := e.command.Start(); err != nil {
		return nil, err
	}
	if err := e.await(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, errors.Join(fmt.Errorf("the private Podman did not come up: %w: %s", err, log), e.Stop())
	}
	return e, nil
}

func (e *Engine) await() error {
	var err error
	for range 1200 { // two minutes: the machine may be busy
		var connection net.Conn
		if connection, err = net.Dial("unix", filepath.Join(e.dir, "socket")); err == nil {
			return connection.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// Host is its address.
func (e *Engine) Host() string { return "unix://" + filepath.Join(e.dir, "socket") }

// Stop ends it with all its containers.
func (e *Engine) Stop() error {
	return errors.Join(e.stdin.Close(), e.command.Wait())
}

// image is an archive of a root folder with busybox.
func image() ([]byte, error) {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(program, "--list").Output()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, folder := range []string{"bin", "etc", "usr", "proc", "sys", "dev", "run", "var"} {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}))
	}
	err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}))
	err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(content))}))
	if _, writeErr := w.Write(content); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777}))
		}
	}
	return b.Bytes(), errors.Join(err, w.Close())
}
