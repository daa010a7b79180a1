//go:build tools

// Package tools pins the versions of the generators.
package tools

import (
	_ "entgo.io/ent/cmd/ent"
	_ "github.com/99designs/gqlgen"
)
