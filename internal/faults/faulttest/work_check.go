package faulttest

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// judge reads what is there by plain SQL, and has git look at it.
func (w *Worked) judge(ctx context.Context, l *Load) error {
	w.Parts = len(l.Sent())
	if err := l.in.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM commands").Scan(&w.Commands); err != nil {
		return err
	}
	err := query(ctx, l.in, "SELECT id, state FROM commands WHERE state NOT IN ('EXITED', 'LOST')", func(scan func(...any) error) error {
		var id, state string
		if err := scan(&id, &state); err != nil {
			return err
		}
		w.wrong("command %s is %s", id, state)
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range l.Projects {
		if err := w.judgeProject(ctx, l, p); err != nil {
			return err
		}
	}
	if w.Parts == 0 || w.Merges == 0 {
		w.wrong("nothing was tried")
	}
	return nil
}

func (w *Worked) judgeProject(ctx context.Context, l *Load, p *Project) error {
	want := map[string]string{}
	for _, s := range l.Sent() {
		if s.Project != p.ID {
			continue
		}
		maps.Copy(want, workFiles(s.Task))
		var state string
		if err := l.in.db.QueryRowContext(ctx, "SELECT state FROM runs WHERE id = $1", s.Run).Scan(&state); err != nil {
			return err
		}
		if state != "SUCCEEDED" {
			w.wrong("run %s is %s", s.Run, state)
		}
	}
	got, err := readFiles(ctx, l, p.ID)
	if err != nil {
		return err
	}
	for path, text := range want {
		if got[path] != text {
			w.wrong("%s of %s is %q, undisturbed %q", path, p.ID, got[path], text)
		}
		delete(got, path)
	}
	for path := range got {
		w.wrong("%s has %s, which nobody asked for", p.ID, path)
	}
	dir, err := exportRepository(ctx, l.in, p.ID)
	if err != nil {
		return err
	}
	if out, err := git(ctx, dir, "fsck", "--strict", "--full", "--no-dangling"); err != nil || strings.Contains(out, "warning") {
		w.wrong("git fsck of %s: %v: %s", p.ID, err, out)
	}
	return w.judgeMerges(ctx, l, p, dir)
}

// judgeMerges holds that each run's branch was merged, once, and was told of once.
func (w *Worked) judgeMerges(ctx context.Context, l *Load, p *Project, dir string) error {
	told := map[string]int{}
	err := query(ctx, l.in, "SELECT payload FROM events WHERE stream_id = $1 AND type = 'MERGE_CHANGED'", func(scan func(...any) error) error {
		var raw []byte
		var payload struct{ Merge struct{ ID, State string } }
		if err := scan(&raw); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &payload); err != nil {
			return err
		}
		if payload.Merge.State == "MERGED" {
			told[payload.Merge.ID]++
		}
		return nil
	}, p.ID)
	if err != nil {
		return err
	}
	main, err := git(ctx, dir, "log", "--first-parent", "--format=%s", "main")
	if err != nil {
		return fmt.Errorf("git log: %w: %s", err, main)
	}
	merged := 0
	err = query(ctx, l.in, "SELECT id, source, state, result, error FROM merges WHERE project_id = $1", func(scan func(...any) error) error {
		var id, source, state, result, problem string
		if err := scan(&id, &source, &state, &result, &problem); err != nil {
			return err
		}
		merged++
		if state != "MERGED" {
			w.wrong("merge %s is %s: %s", id, state, problem)
			return nil
		}
		if told[id] != 1 {
			w.wrong("the end of merge %s was told %d times", id, told[id])
		}
		if n := strings.Count(main, "Merge branch '"+source+"' into main\n"); n > 1 {
			w.wrong("branch %s was merged %d times", source, n)
		}
		for _, commit := range []string{result, "refs/heads/" + source} {
			if out, err := git(ctx, dir, "merge-base", "--is-ancestor", commit, "main"); err != nil {
				w.wrong("main has not %s of merge %s: %v %s", commit, id, err, out)
			}
		}
		return nil
	}, p.ID)
	if err != nil {
		return err
	}
	parts := 0
	for _, s := range l.Sent() {
		if s.Project == p.ID {
			parts++
		}
	}
	if merged != parts {
		w.wrong("%s had %d parts and %d merges", p.ID, parts, merged)
	}
	w.Merges += merged
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	return string(out), err
}

// exportRepository writes a project's objects and branches to a folder, as git has them.
func exportRepository(ctx context.Context, in *Installation, project string) (dir string, err error) {
	if dir, err = os.MkdirTemp(in.o.Dir, "repository-"); err != nil {
		return "", err
	}
	if out, err := git(ctx, dir, "init", "--bare", "--quiet", "--initial-branch=main"); err != nil {
		return "", fmt.Errorf("git init: %w: %s", err, out)
	}
	err = query(ctx, in, "SELECT id, data, \"index\" FROM git_packs WHERE project_id = $1", func(scan func(...any) error) error {
		var id string
		var data, index []byte
		if err := scan(&id, &data, &index); err != nil {
			return err
		}
		name := filepath.Join(dir, "objects", "pack", "pack-"+id)
		if err := os.WriteFile(name+".pack", data, 0o600); err != nil {
			return err
		}
		return os.WriteFile(name+".idx", index, 0o600)
	}, project)
	if err != nil {
		return "", err
	}
	target := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	err = query(ctx, in, "SELECT hash, kind, data FROM git_objects WHERE project_id = $1", func(scan func(...any) error) error {
		var hash string
		var kind int8
		var data []byte
		if err := scan(&hash, &kind, &data); err != nil {
			return err
		}
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		obj := &plumbing.MemoryObject{}
		obj.SetType(plumbing.ObjectType(kind))
		if _, err := io.Copy(obj, r); err != nil { //nolint:gosec // our own tests' objects
			return err
		}
		if obj.Hash().String() != hash {
			return fmt.Errorf("object %s has the content of %s", hash, obj.Hash())
		}
		_, err = target.SetEncodedObject(obj)
		return err
	}, project)
	if err != nil {
		return "", err
	}
	return dir, query(ctx, in, "SELECT name, hash FROM git_refs WHERE project_id = $1", func(scan func(...any) error) error {
		var name, hash string
		if err := scan(&name, &hash); err != nil {
			return err
		}
		return target.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(name), plumbing.NewHash(hash)))
	}, project)
}
