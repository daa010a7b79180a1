// Package sdl writes the schema as one document, as it is published.
package sdl

import (
	"bytes"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/zeblit/zeblit/graph/generated"
)

const head = "# Zeblit's API. Composed from graph/schema by `make generate`; don't edit.\n\n"

// Schema is the parsed schema.
func Schema() *ast.Schema { return generated.NewExecutableSchema(generated.Config{}).Schema() }

// Compose is the text of schema.graphql.
func Compose() []byte {
	var b bytes.Buffer
	b.WriteString(head)
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(Schema())
	return bytes.ReplaceAll(b.Bytes(), []byte("\n}\n\"\"\""), []byte("\n}\n\n\"\"\""))
}
