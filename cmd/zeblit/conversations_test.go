package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConversations(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir, "ZEBLIT_PROJECT=Talk")
	p.do(t, "chat", "hello there")
	list := func() []map[string]any { return lines(t, p.do(t, "conversations", "list", "--json")) }
	require.Len(t, list(), 1)
	id := list()[0]["id"].(string)
	require.Equal(t, "main", list()[0]["branch"])
	require.Equal(t, "CHAT", list()[0]["kind"])

	require.Contains(t, p.do(t, "conversations", "rename", id, "The first"), "The first")
	require.Equal(t, exitUsage, p.run(t, "", "conversations", "rename", id, " ").code)
	data := post(t, s, ownerOf(t, s).APIKey, `query($c: ID!) { node(id: $c) { ... on Conversation { messages(first: 1) { nodes { id } } } } }`, map[string]any{"c": id})
	message := data["node"].(map[string]any)["messages"].(map[string]any)["nodes"].([]any)[0].(map[string]any)["id"].(string)
	fork := lines(t, p.do(t, "conversations", "fork", message, "--title", "Another", "--json"))[0]
	require.Equal(t, "fork/"+fork["id"].(string), fork["branch"])
	require.True(t, strings.HasPrefix(p.do(t, "conversations", "edit", message, "good morning"), "run_"))

	require.Equal(t, exitUsage, p.run(t, "", "conversations", "delete", id).code, "nobody is there to agree")
	require.Contains(t, p.do(t, "conversations", "delete", id, "--yes"), "Deleted "+id)
	gone := p.run(t, "", "conversations", "delete", id, "--yes")
	require.Equal(t, exitNotFound, gone.code)
	require.Contains(t, gone.err, "was deleted")
	require.Len(t, list(), 1)
	require.Equal(t, "Another", list()[0]["title"])
}
