// Package web holds the browser pages as they were built from the folders beside
// this file. The build is no part of the repository: without it the file system
// has no pages, and the server says how to make them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Assets are the built files, each in its gzip form with ".gz" behind its name.
// They lie in the program's image and cost no memory until they are read.
func Assets() fs.FS {
	assets, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return assets
}
