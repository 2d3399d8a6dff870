// Package web holds the pages of the lab site as they are built: scripts/build makes them with Node from the sources
// beside this file. Without them the folder holds only a placeholder, and the server says what to do.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the built pages; index.html is among them only if they are built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only a wrong path can do this
	}
	return files
}
