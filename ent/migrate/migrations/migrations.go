// Package migrations holds the versioned migrations of each dialect. They are
// made by `make migration NAME=…` and never edited once released.
package migrations

import "embed"

// FS has one folder per dialect.
//
//go:embed sqlite/* postgres/*
var FS embed.FS
