package archtest

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func load(t *testing.T, name, text string) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: text})
	if err != nil {
		require.FailNow(t, "load "+name, err.Error())
	}
	return schema
}

// TestTheSchemaBreaksNoClient compares schema.graphql with the schema of the last
// release, docs/released.graphql. Before the first release there is none.
func TestTheSchemaBreaksNoClient(t *testing.T) {
	released, err := os.ReadFile(root + "/docs/released.graphql")
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	current, err := os.ReadFile(root + "/schema.graphql")
	require.NoError(t, err)
	require.Empty(t, breakingChanges(load(t, "docs/released.graphql", string(released)), load(t, "schema.graphql", string(current))))
}

func TestBreakingChanges(t *testing.T) {
	const base = `
interface Node { id: ID! }
enum Colour { RED BLUE OLD @deprecated(reason: "use RED") }
input Filter { colour: Colour  limit: Int! = 5  gone: Int @deprecated(reason: "ignored") }
type Old { x: Int }
type Thing implements Node { id: ID!  name: String  size: Int!  parts(first: Int, old: Int @deprecated(reason: "ignored")): [Thing!]!  old: Old @deprecated(reason: "use name") }
type Other { x: Int }
union Either = Thing | Other
type Query { thing(id: ID!, where: Filter): Thing  either: Either }
`
	for _, c := range []struct {
		name, now string
		want      []string
	}{
		{"nothing changed", base, nil},
		{"additions, deprecated things gone, stricter results and laxer inputs", `
interface Node { id: ID! }
interface New { id: ID! }
enum Colour { RED BLUE GREEN }
input Filter { colour: Colour  limit: Int = 5  more: Int  most: Int! = 1 }
type Thing implements Node & New { id: ID!  name: String!  size: Int!  parts(first: Int, last: Int): [Thing!]! }
type Other { x: Int  y: Int }
union Either = Thing | Other
type Query { thing(id: ID, where: Filter): Thing  either: Either  things: [Thing!] }
`, nil},
		{"everything broken", `
interface Node { id: ID! }
enum Colour { RED }
input Filter { colour: Colour!  limit: String! = "5"  must: Int! }
type Thing { id: ID!  name: Int  size: Int  parts(first: Int!, must: Int!): [Thing]! }
union Either = Thing
type Query { thing(id: String!): Thing  either: Either }
`, []string{
			"Either no longer includes Other",
			"Thing no longer implements Node",
			"argument Query.thing(id:) was ID! and is String!",
			"argument Query.thing(where:) was removed without a deprecation",
			"argument Thing.parts(first:) was Int and is Int!",
			"field Thing.name was String and is Int",
			"field Thing.parts was [Thing!]! and is [Thing]!",
			"field Thing.size was Int! and is Int",
			"input field Filter.colour was Colour and is Colour!",
			"input field Filter.limit was Int! and is String!",
			"required argument Thing.parts(must:) was added",
			"required input field Filter.must was added",
			"type Other was removed",
			"value Colour.BLUE was removed without a deprecation",
		}},
		{"a field gone, a kind changed, a default gone", `
interface Node { id: ID! }
scalar Colour
input Filter { colour: Colour  limit: Int! }
type Thing implements Node { id: ID!  size: Int!  parts(first: Int): [Thing!]! }
type Other { x: Int }
union Either = Thing | Other
type Query { thing(id: ID!, where: Filter): Thing  either: Either }
`, []string{
			"field Thing.name was removed without a deprecation",
			"input field Filter.limit became required",
			"type Colour was ENUM and is SCALAR",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, breakingChanges(load(t, "released", base), load(t, "current", c.now)))
		})
	}
}
