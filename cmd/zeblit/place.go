package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// checkPath refuses a path that a server should never have given out: one that leaves
// the folder it is joined to, or that would change what git does there.
func checkPath(p string) error {
	if !filepath.IsLocal(filepath.FromSlash(p)) || path.Clean(p) != p || p == "." || strings.ContainsAny(p, "\\\x00") {
		return fmt.Errorf("%q is no path within a folder", p)
	}
	for part := range strings.SplitSeq(p, "/") {
		name, _, _ := strings.Cut(strings.ToLower(part), ":")
		if name = strings.TrimRight(name, " ."); name == ".git" || name == "git~1" {
			return fmt.Errorf("%q would be a part of git's own folder", p)
		}
	}
	return nil
}

// place writes a file below root, which nothing leaves: not by "..", and not by a
// link that points out. A file that is there with this text stays; one with another
// is replaced with force and is an error without. A link is replaced, never followed.
func place(root *os.Root, file, text string, force bool) (written bool, err error) {
	file = filepath.FromSlash(file)
	info, err := root.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	case info.IsDir():
		return false, errors.New("a folder of that name is there")
	case info.Mode().IsRegular() && info.Size() == int64(len(text)) && holds(root, file, text):
		return false, nil
	case !force:
		return false, errors.New("it is there already, and different: --force replaces it")
	}
	next := filepath.Join(filepath.Dir(file), ".zeblit-"+rand.Text())
	if err := write(root, next, text); err != nil {
		return false, err
	}
	if force {
		err = root.Rename(next, file)
	} else if err = root.Link(next, file); err == nil { // unlike Rename it replaces nothing
		return true, root.Remove(next)
	}
	if err != nil {
		return false, errors.Join(err, root.Remove(next))
	}
	return true, nil
}

func holds(root *os.Root, file, text string) bool {
	f, err := root.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, int64(len(text))+1))
	return err == nil && string(raw) == text
}

func write(root *os.Root, file, text string) error {
	f, err := root.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}
