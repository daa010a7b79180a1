package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

type filesCommand struct {
	Ls  filesListCommand   `cmd:"" name:"ls" help:"List a project's files."`
	Cat filesCatCommand    `cmd:"" help:"Print a file."`
	Get filesGetCommand    `cmd:"" help:"Copy files into a folder."`
	Put filesPutCommand    `cmd:"" help:"Copy files and folders into the project."`
	Rm  filesRemoveCommand `cmd:"" name:"rm" help:"Delete files."`
	Mv  filesMoveCommand   `cmd:"" name:"mv" help:"Move or rename a file or a folder."`
}

// inProject says which project's files are meant.
type inProject struct {
	target
	Project string `name:"project" env:"ZEBLIT_PROJECT" required:"" placeholder:"ID|NAME" help:"The project: its id, or the latest of that name."`
}

type filesListCommand struct {
	inProject
	format
	Folder string `arg:"" optional:"" help:"Only what is in this folder."`
}

func (f *filesListCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		files, err := choose(ctx, api, p.ID, "", f.Folder)
		if err != nil {
			return err
		}
		return writeList(c, f.format, sequence(files), []string{"SIZE", "PATH"}, func(file client.File) []string {
			return []string{terminal.Size(file.Size), file.Path}
		})
	})
}

// inRoot is the project's own name for a path as people type it: "." is the root.
func inRoot(typed string) string { return path.Clean(strings.TrimLeft(typed, "/")) }

// choose lists the files that are named, or that are in the folders named; all where
// nothing or the root is. A name that nothing has is an error.
func choose(ctx context.Context, api *client.Client, projectID, ref string, names ...string) ([]client.File, error) {
	names = slices.Clone(names)
	missing := map[string]bool{}
	for i, name := range names {
		names[i] = inRoot(name)
		missing[names[i]] = true
	}
	if missing["."] {
		names = nil
	}
	var chosen []client.File
	for file, err := range api.Files(ctx, projectID, ref) {
		if err != nil {
			return nil, err
		}
		wanted := len(names) == 0
		for _, name := range names {
			if file.Path == name || strings.HasPrefix(file.Path, name+"/") {
				wanted = true
				delete(missing, name)
			}
		}
		if wanted {
			chosen = append(chosen, file)
		}
	}
	for _, name := range names {
		if missing[name] {
			return nil, &codeError{exitNotFound, fmt.Errorf("the project has no %s", name)}
		}
	}
	return chosen, nil
}

type filesCatCommand struct {
	inProject
	Path string `arg:"" help:"The file's path in the project."`
}

func (f *filesCatCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		if c.terminal { // what is no text would change how it behaves
			file, err := api.File(ctx, p.ID, inRoot(f.Path))
			if err != nil {
				return err
			}
			if file.IsBinary {
				return fmt.Errorf("%s is no text: write it into a file or a pipe, or take it with files get", terminal.CleanLine(file.Path))
			}
		}
		text, err := api.Download(ctx, p.ID, inRoot(f.Path), "")
		if err != nil {
			return err
		}
		if c.terminal { // a program gets it as it is
			text = terminal.Clean(text)
		}
		_, err = io.WriteString(c.out, text)
		return err
	})
}

type filesGetCommand struct {
	inProject
	To    string   `name:"to" required:"" placeholder:"DIR" help:"The folder to write into, and nowhere else. It is made where it isn't there."`
	Force bool     `name:"force" help:"Replace files that are there already."`
	Paths []string `arg:"" optional:"" help:"Files or folders of the project. Default: all."`
}

func (f *filesGetCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		p, err := api.Project(ctx, f.Project)
		if err != nil {
			return err
		}
		head, err := api.Head(ctx, p.ID) // so that all files are of one moment
		if err != nil {
			return err
		}
		files, err := choose(ctx, api, p.ID, head, f.Paths...)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(f.To, 0o755); err != nil { //nolint:gosec // what is in it isn't secret
			return fmt.Errorf("make the folder: %w", err)
		}
		root, err := os.OpenRoot(f.To)
		if err != nil {
			return fmt.Errorf("open the folder: %w", err)
		}
		defer func() { _ = root.Close() }()
		var failed []error
		for _, file := range files {
			done, err := f.get(ctx, api, root, p.ID, head, file)
			var local *localError
			switch {
			case errors.As(err, &local):
				failed = append(failed, err)
				_, _ = fmt.Fprintf(c.err, "zeblit: %s\n", terminal.Clean(err.Error()))
			case err != nil:
				return err
			case done:
				_, _ = fmt.Fprintf(c.out, "%s  %s\n", terminal.CleanLine(file.Path), terminal.Size(file.Size))
			}
		}
		if len(failed) > 0 {
			return fmt.Errorf("%d of %d files were not written", len(failed), len(files))
		}
		return nil
	})
}

// localError is what keeps one file from being written, and no other.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// get writes one file, unless it is there already just so.
func (f *filesGetCommand) get(ctx context.Context, api *client.Client, root *os.Root, projectID, ref string, file client.File) (written bool, err error) {
	if err := checkPath(file.Path); err != nil {
		return false, &localError{err}
	}
	content, err := api.Download(ctx, projectID, file.Path, ref)
	if err != nil {
		return false, err
	}
	written, err = place(root, file.Path, content, f.Force)
	if err != nil {
		return false, &localError{fmt.Errorf("%s: %w", file.Path, err)}
	}
	return written, nil
}
