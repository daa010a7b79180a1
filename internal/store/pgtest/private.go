package pgtest

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
)

// Private is a PostgreSQL server of one's own, which may be broken. It ends with the
// process.
type Private struct {
	dir, bin string
	url      *url.URL
	stdin    io.WriteCloser // of cmd, which is the watchdog
	cmd      *exec.Cmd      // nil while the server is stopped
}

// StartPrivate starts one, empty.
func StartPrivate() (*Private, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "zeblit-pg-")
	if err != nil {
		return nil, err
	}
	p := &Private{dir: dir, bin: bin}
	p.url = &url.URL{Scheme: "postgres", User: url.User("zeblit"), Path: "/postgres", RawQuery: "sslmode=disable"}
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("give the server its folder: %w: %s", err, out)
		}
	}
	if out, err := p.shell(initialise).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	for try := 1; ; try++ {
		port, err := freePort() // only now: others take ports while initdb works
		if err != nil {
			return nil, err
		}
		err = p.startAt(port)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, errTaken) || try == tries {
			return nil, err
		}
	}
}

// tries is how many ports are tried. One that was free may be another's a moment later.
const tries = 5

// errTaken says that another process has the port.
var errTaken = errors.New("the private PostgreSQL's port is taken")

// startAt starts the server for the first time.
func (p *Private) startAt(port int) error {
	p.url.Host = fmt.Sprintf("127.0.0.1:%d", port)
	err := p.Start()
	if errors.Is(err, errTaken) {
		err = errors.Join(err, p.Stop(), os.Remove(filepath.Join(p.dir, "log")))
	}
	return err
}

// URL is the maintenance database's; it stays the same when the server starts again.
func (p *Private) URL() string { return p.url.String() }

// Address is where the server listens.
func (p *Private) Address() string { return p.url.Host }

// Start brings a stopped server back with what it had committed, and returns when it
// answers.
func (p *Private) Start() error {
	if p.cmd != nil {
		return errors.New("PostgreSQL runs already")
	}
	if err := p.serve(); err != nil {
		return err
	}
	return await(p.url, p.dir)
}

// Stop ends the server as a crash does: connections break, and nothing is written
// but what had been committed (pg_ctl's mode "immediate").
func (p *Private) Stop() error {
	if p.cmd == nil {
		return nil
	}
	_, err := io.WriteString(p.stdin, "stop\n")
	err = errors.Join(err, p.stdin.Close(), p.cmd.Wait())
	p.cmd = nil
	return err
}

// Remove stops the server and deletes what it had.
func (p *Private) Remove() error { return errors.Join(p.Stop(), os.RemoveAll(p.dir)) }

const initialise = `"$BIN/initdb" -D "$DIR/data" -U zeblit -A trust --no-sync -E UTF8 --locale=C.UTF-8`

// shell runs a script as a user whom PostgreSQL accepts, who is not root.
func (p *Private) shell(script string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", script)
	if os.Geteuid() == 0 {
		cmd = exec.Command("runuser", "-u", "postgres", "--", "sh", "-c", script)
	}
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "BIN="+p.bin, "DIR="+p.dir, "PORT="+p.url.Port())
	return cmd
}

// watchdog runs the server until its standard input ends, which happens when this
// process does, however it ends; the server's folder goes with it. A line on standard
// input stops the server only.
const watchdog = `
"$BIN/postgres" -D "$DIR/data" -k "$DIR" -p "$PORT" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -c shared_buffers=64MB >>"$DIR/log" 2>&1 </dev/null &
server=$!
trap '' INT TERM HUP
read -r stop
kill -QUIT $server; wait $server
[ -n "$stop" ] || rm -rf "$DIR"
exit 0
`

func (p *Private) serve() error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	cmd := p.shell(watchdog)
	cmd.Stdin = reader
	if err := cmd.Start(); err != nil {
		return errors.Join(err, writer.Close())
	}
	p.cmd, p.stdin = cmd, writer
	return nil
}
