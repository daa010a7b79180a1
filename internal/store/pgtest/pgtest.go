// Package pgtest gives tests and the migration generator a PostgreSQL server:
// the one that TEST_DATABASE_URL names, else a private one started from the
// binaries of this machine, which ends with the process.
package pgtest

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
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

// keep is the shared server, whose life is a pipe of this process: it is kept here so
// that the pipe isn't collected, and so closed, before.
var keep *Private

func start() (*url.URL, error) {
	p, err := StartPrivate()
	if err != nil {
		return nil, err
	}
	keep = p
	_ = keep
	return p.url, nil
}

func await(u *url.URL, dir string) error {
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var log []byte
	for range 1200 { // two minutes: the machine may be busy
		var data string
		if err = db.QueryRow("SHOW data_directory").Scan(&data); err == nil && data == filepath.Join(dir, "data") {
			return nil // and not another's, who has the port
		}
		log, _ = os.ReadFile(filepath.Join(dir, "log"))
		if bytes.Contains(log, []byte("could not create any TCP/IP sockets")) {
			return fmt.Errorf("%w: %s", errTaken, log)
		}
		time.Sleep(100 * time.Millisecond)
	}
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

// freePort is below the ports that Linux gives by default to whoever asks for any, so that
// a server that is stopped finds its own free again.
func freePort() (int, error) {
	for range 100 {
		port := 15_000 + rand.IntN(17_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}
