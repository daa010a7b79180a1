// Package template holds what projects can start from: small, whole programs with tests,
// which run as they are.
//
// A template's files lie in _files/SLUG. The name ends in .tmpl where the Go tools would
// take the file for a part of this module; it is written without that. In README.md,
// {{name}} stands for the project's name.
package template

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/zeblit/zeblit/internal/problem"
)

//go:embed all:_files
var files embed.FS

// Template is what a project can start from.
type Template struct {
	Slug        string
	Name        string
	Description string
	// Install, Build, Test and Start are the commands of it; empty where there is none.
	Install, Build, Test, Start string
	// Image has what the commands need.
	Image string
}

// File is one file of a template.
type File struct{ Path, Text string }

const (
	imageNode   = "node:22-bookworm-slim"
	imagePython = "python:3.13-slim-bookworm"
	imageGo     = "golang:1.26-bookworm"
)

var all = []*Template{
	{
		Slug: "empty", Name: "Empty", Description: "A README, and nothing else.", Image: "debian:bookworm-slim",
	},
	{
		Slug: "static", Name: "Static site", Description: "Plain HTML, CSS and JavaScript without a build, to be served by anything.",
		Test: "npm test", Start: "npm start", Image: imageNode,
	},
	{
		Slug: "react", Name: "React + Vite", Description: "A page of React, built by Vite and tested with Vitest.",
		Install: "npm install", Build: "npm run build", Test: "npm test", Start: "npm run dev", Image: imageNode,
	},
	{
		Slug: "express", Name: "Express API", Description: "An HTTP API on Express and Node, tested with Node's own runner.",
		Install: "npm install", Test: "npm test", Start: "npm start", Image: imageNode,
	},
	{
		Slug: "fastapi", Name: "FastAPI", Description: "An HTTP API on FastAPI and Python, tested with pytest.",
		Install: "pip install -r requirements.txt", Test: "pytest", Start: "uvicorn app.main:app", Image: imagePython,
	},
	{
		Slug: "go", Name: "Go service", Description: "An HTTP API in Go on the standard library alone, with its tests.",
		Build: "go build -o service .", Test: "go vet ./... && go test ./...", Start: "go run .", Image: imageGo,
	},
}

// All lists them.
func All() []*Template { return all }

// Find returns the one of that slug, or BAD_USER_INPUT of the field "template" that names
// those there are.
func Find(slug string) (*Template, error) {
	var slugs []string
	for _, t := range all {
		if t.Slug == slug {
			return t, nil
		}
		slugs = append(slugs, t.Slug)
	}
	return nil, problem.BadField("template", "no such template; there are: %s", strings.Join(slugs, ", "))
}

// Files are its files in the order of their paths, for a project of that name.
func (t *Template) Files(projectName string) ([]File, error) {
	root := path.Join("_files", t.Slug)
	var out []File
	err := fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		file := File{Path: strings.TrimSuffix(strings.TrimPrefix(name, root+"/"), ".tmpl"), Text: string(text)}
		if file.Path == "README.md" {
			file.Text = strings.ReplaceAll(file.Text, "{{name}}", projectName)
		}
		out = append(out, file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", t.Slug, err)
	}
	return out, nil
}

// Paths are those of its files.
func (t *Template) Paths() ([]string, error) {
	found, err := t.Files("")
	paths := make([]string, len(found))
	for i, f := range found {
		paths[i] = f.Path
	}
	return paths, err
}
