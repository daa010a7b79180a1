package faulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// FillDisk fills the disk that holds the server's data to the last byte, for d, and frees
// it again. Meanwhile messages are sent, which may be refused, and read, which works. With
// kill the server dies before there is room again, and is started after it. It returns how
// long after all that a message was accepted.
func (s *Suite) FillDisk(ctx context.Context, d time.Duration, kill bool) (back time.Duration, err error) {
	server := s.In.Servers[0]
	s.did("the disk filled up for %s", d)
	ballast := filepath.Join(server.data, "ballast")
	defer func() { err = errors.Join(err, os.RemoveAll(ballast)) }()
	if err := fill(ballast); err != nil {
		return 0, err
	}
	for begun := time.Now(); time.Since(begun) < d; {
		s.knock(ctx)
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	if kill {
		s.did("the server killed while the disk was full")
		server.Kill()
	}
	if err := os.Remove(ballast); err != nil {
		return 0, err
	}
	if kill {
		if err := server.Start(""); err != nil {
			return 0, err
		}
	}
	return s.back(ctx)
}

// knock sends a note, and reads.
func (s *Suite) knock(ctx context.Context) {
	l, project := s.Load, s.Load.Projects[0].ID
	input := sendInput(project, "", note+" ("+rand.Text()+")", rand.Text())
	input["agent"] = "none"
	sent, err := l.once(ctx, input, 0)
	switch {
	case err == nil:
		l.mu.Lock()
		l.noted = append(l.noted, sent.Text)
		l.mu.Unlock()
	case excusable(err):
		l.mu.Lock()
		l.errors = append(l.errors, outcome{time.Now(), err})
		l.mu.Unlock()
	case ctx.Err() == nil:
		l.problem("send a note: %v", err)
	}
	var out struct{ Project struct{ ID string } }
	err = l.clients[0].Do(ctx, "query($id: ID!) { project(id: $id) { id messages(last: 5) { edges { node { text } } } } }", map[string]any{"id": project}, &out)
	if err != nil && ctx.Err() == nil {
		l.problem("read: %v", err)
	}
}

// fill writes a file until nothing more fits on its disk.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
