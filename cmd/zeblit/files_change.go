package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

// onBranch says which branch's files are changed.
type onBranch struct {
	Branch string `name:"branch" placeholder:"NAME" help:"On this branch. Default: main."`
}

type filesPutCommand struct {
	inProject
	onBranch
	To    string   `name:"to" placeholder:"FOLDER" help:"The project's folder to copy into. Default: its root."`
	Paths []string `arg:"" help:"Files and folders of this machine; a folder's name is kept, unless it is . or ends with /."`
}

// Run copies files into the project, one commit each. What git keeps for itself, links and
// whatever is no plain file stay out.
func (f *filesPutCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		failed, all := 0, 0
		for _, from := range f.Paths {
			err := f.walk(from, func(local, name string, info fs.FileInfo, err error) error {
				all++
				if err == nil {
					err = f.put(ctx, c, api, p.ID, local, name, info)
				}
				var here *localError
				if errors.As(err, &here) {
					failed++
					_, _ = fmt.Fprintf(c.err, "zeblit: %s\n", terminal.Clean(err.Error()))
					return nil
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d files were not sent", failed, all)
		}
		return nil
	})
}

// walk calls visit with each file at or below a path of this machine, and with its name in
// the project.
func (f *filesPutCommand) walk(from string, visit func(local, name string, info fs.FileInfo, err error) error) error {
	top := filepath.Clean(from)
	name := path.Join(inRoot(f.To), filepath.Base(top))
	if info, err := os.Stat(top); err == nil && info.IsDir() && (top == "." || top == ".." || strings.HasSuffix(filepath.ToSlash(from), "/")) {
		name = inRoot(f.To)
	}
	return filepath.WalkDir(top, func(local string, entry fs.DirEntry, err error) error {
		if err != nil {
			return visit(local, "", nil, &localError{err})
		}
		if entry.IsDir() {
			if entry.Name() == ".git" && local != top {
				return filepath.SkipDir
			}
			return nil
		}
		below, err := filepath.Rel(top, local)
		if err != nil {
			return err
		}
		info, err := os.Lstat(local)
		switch {
		case err != nil:
			err = &localError{err}
		case !info.Mode().IsRegular():
			err = &localError{fmt.Errorf("%s is no plain file", local)}
		}
		return visit(local, path.Join(name, filepath.ToSlash(below)), info, err)
	})
}

func (f *filesPutCommand) put(ctx context.Context, c console, api *client.Client, projectID, local, name string, info fs.FileInfo) error {
	if info.Size() > largestFile {
		return &localError{fmt.Errorf("%s has %s, and a file can have 50 MiB at most", local, terminal.Size(info.Size()))}
	}
	content, err := os.ReadFile(local) //nolint:gosec // the person has named it
	if err != nil {
		return &localError{err}
	}
	sent, err := api.Upload(ctx, client.Upload{
		ProjectID: projectID, Path: name, Content: string(content), Executable: info.Mode()&0o100 != 0, Branch: f.Branch,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s  %s\n", terminal.CleanLine(sent.Path), terminal.Size(sent.Size))
	return err
}

// largestFile is what a project's file can have, in bytes.
const largestFile = 50 << 20

type filesRemoveCommand struct {
	inProject
	onBranch
	Recursive bool     `name:"recursive" short:"r" help:"Delete folders, with all that is in them."`
	Paths     []string `arg:"" help:"Files of the project, and folders with --recursive."`
}

func (f *filesRemoveCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		for _, name := range f.Paths {
			if name = inRoot(name); name == "." {
				return &codeError{exitUsage, errors.New("the project's root can't be deleted: name what is in it")}
			}
			if err := api.DeleteFile(ctx, p.ID, f.Branch, name, f.Recursive); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

type filesMoveCommand struct {
	inProject
	onBranch
	Force bool   `name:"force" help:"Replace a file that is there already."`
	From  string `arg:"" help:"A file or folder of the project."`
	To    string `arg:"" help:"Its new path; one that ends with / is a folder to move it into."`
}

func (f *filesMoveCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		from, to := inRoot(f.From), inRoot(f.To)
		if strings.HasSuffix(f.To, "/") {
			to = path.Join(to, path.Base(from))
		}
		return api.MoveFile(ctx, p.ID, f.Branch, from, to, f.Force)
	})
}
