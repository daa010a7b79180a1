// Package zeblit holds what the binary serves as it stands in the repository.
package zeblit

import _ "embed"

// SDL is the published API, whole.
//
//go:embed schema.graphql
var SDL string
