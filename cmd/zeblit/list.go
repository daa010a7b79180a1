package main

import (
	"encoding/json"
	"io"
	"iter"

	"github.com/zeblit/zeblit/internal/terminal"
)

// format is how a list is written.
type format struct {
	JSON bool `name:"json" help:"One JSON object per line."`
}

// writeJSON writes a value as one line.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// writeList writes items as a table with a head, or as JSON lines as they arrive.
func writeList[T any](c console, f format, items iter.Seq2[T, error], head []string, row func(T) []string) error {
	rows := [][]string{head}
	for item, err := range items {
		if err != nil {
			return err
		}
		if !f.JSON {
			rows = append(rows, row(item))
		} else if err := writeJSON(c.out, item); err != nil {
			return err
		}
	}
	if f.JSON {
		return nil
	}
	return terminal.Table(c.out, rows)
}

// sequence is a slice as a list.
func sequence[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}
