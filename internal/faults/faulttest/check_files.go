package faulttest

import (
	"context"
	"slices"
)

// checkFiles compares a project's files with those of the undisturbed run, for the
// tasks that were answered.
func checkFiles(ctx context.Context, in *Installation, l *Load, p *Project, v *Verdict) error {
	want := map[string]string{}
	for _, s := range l.Sent() {
		if s.Project == p.ID {
			for path, text := range files(s.Task) {
				want[path] = text
			}
		}
	}
	got, err := readFiles(ctx, l, p.ID)
	if err != nil {
		return err
	}
	var paths []string
	for path := range want {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		v.Files++
		switch text, there := got[path]; {
		case !there:
			v.wrong(divergent, "%s has no %s", p.ID, path)
		case text != want[path]:
			v.wrong(divergent, "%s of %s is %q, undisturbed %q", path, p.ID, text, want[path])
		}
		delete(got, path)
	}
	for path := range got {
		v.wrong(divergent, "%s has %s, which nobody asked for", p.ID, path)
	}
	return nil
}

// readFiles reads a project's files through the API.
func readFiles(ctx context.Context, l *Load, project string) (map[string]string, error) {
	c := l.clients[len(l.clients)-1]
	out := map[string]string{}
	for f, err := range c.Files(ctx, project, "") {
		if err != nil {
			return nil, err
		}
		with, err := c.Text(ctx, project, f.Path, "")
		if err != nil {
			return nil, err
		}
		if with.Text != nil {
			out[f.Path] = *with.Text
		} else {
			out[f.Path] = "binary"
		}
	}
	return out, nil
}
