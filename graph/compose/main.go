// Command compose writes the published schema to the file it is told.
package main

import (
	"fmt"
	"os"

	"github.com/zeblit/zeblit/graph/internal/sdl"
)

func main() {
	file := "schema.graphql"
	if len(os.Args) > 1 {
		file = os.Args[1]
	}
	if err := os.WriteFile(file, sdl.Compose(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}
