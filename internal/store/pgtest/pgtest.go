// Package pgtest gives tests and the migration generator a PostgreSQL server:
// the one that TEST_DATABASE_URL names, else a private one started from the
// binaries of this machine, which ends with the process.
package pgtest

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

var (
	once      sync.Once
	serverURL *url.URL
	serverErr error
	created   atomic.Int64
)

// Server returns the URL of the server's maintenance database, starting one at
// first use.
func Server() (*url.URL, error) {
	once.Do(func() {
		if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
			serverURL, serverErr = url.Parse(given)
			return
		}
		serverURL, serverErr = start()
	})
	return serverURL, serverErr
}

// Create makes a database, from a template unless that is empty, and returns its
// URL and what drops it.
func Create(template string) (databaseURL string, drop func() error, err error) {
	server, err := Server()
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("zeblit_%d_%d", os.Getpid(), created.Add(1))
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " TEMPLATE " + template
	}
	if err := exec1(server, statement); err != nil {
		return "", nil, err
	}
	u := *server
	u.Path = "/" + name
	return u.String(), func() error { return exec1(server, "DROP DATABASE "+name+" WITH (FORCE)") }, nil
}

func exec1(server *url.URL, statement string) error {
	db, err := sql.Open("postgres", server.String())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// watchdog runs the server until its standard input ends, which happens when
// this process does, however it ends.
const watchdog = `
"$BIN/postgres" -D "$DIR/data" -k "$DIR" -p "$PORT" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -c shared_buffers=64MB >"$DIR/log" 2>&1 </dev/null &
server=$!
trap '' INT TERM HUP
read -r _
kill -QUIT $server; wait $server
rm -rf "$DIR"
`

func start() (*url.URL, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "zeblit-pg-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	run := func(script string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", script)
		if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
			cmd = exec.Command("runuser", "-u", "postgres", "--", "sh", "-c", script)
		}
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "BIN="+bin, "DIR="+dir, fmt.Sprintf("PORT=%d", port))
		return cmd
	}
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("give the server its folder: %w: %s", err, out)
		}
	}
	if out, err := run(`"$BIN/initdb" -D "$DIR/data" -U zeblit -A trust --no-sync -E UTF8 --locale=C.UTF-8`).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := run(watchdog)
	cmd.Stdin = reader
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = reader.Close()
	keepOpen = writer
	_ = keepOpen
	u := &url.URL{Scheme: "postgres", User: url.User("zeblit"), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable"}
	return u, await(u, dir)
}

// keepOpen is the pipe whose closing, at the end of the process, stops the server.
// It is kept here so that it isn't collected, and so closed, before.
var keepOpen io.Closer

func await(u *url.URL, dir string) error {
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for range 300 {
		if err = db.Ping(); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return fmt.Errorf("the private PostgreSQL did not come up: %w: %s", err, log)
}

func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", errors.New(strings.TrimSpace(`
no PostgreSQL: set TEST_DATABASE_URL or install it (Debian: apt-get install postgresql); "make test" does so`))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
