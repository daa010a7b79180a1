// Package enum holds the closed value sets that the schema and the API share:
// one Go type serves ent's column and GraphQL's enum, with the same spelling.
package enum

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

func values[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = string(v)
	}
	return out
}

func write(w io.Writer, v string) { _, _ = io.WriteString(w, strconv.Quote(v)) }

func read[T ~string](dst *T, v any, all []T) error {
	s, ok := v.(string)
	if !ok || !slices.Contains(all, T(s)) {
		return fmt.Errorf("is none of the values allowed")
	}
	*dst = T(s)
	return nil
}
