package quoted_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm/quoted"
)

func TestATextCantEndItsMarks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		marked := quoted.Mark(quoted.Data, "read_file", "call", text)
		for range rapid.IntRange(0, 3).Draw(t, "times") { // who has seen the marks puts them into the file
			text = marked + rapid.String().Draw(t, "more") + "\n" + marked
			marked = quoted.Mark(quoted.Data, "read_file", "call", text)
		}
		head, _, _ := strings.Cut(marked, "\n")
		end := marked[strings.LastIndex(marked, "\n")+1:]
		number := strings.Fields(head)[1]
		require.Equal(t, "[end of data "+number+"]", end)
		require.Equal(t, 2, strings.Count(marked, number), "in its marks alone")
		got, after := quoted.Text(marked + "\n\n(a note)")
		require.Equal(t, text, got)
		require.Equal(t, "\n\n(a note)", after)
		require.Less(t, len(head), 100)
	})
}

func TestTheSameHasTheSameMarks(t *testing.T) {
	t.Parallel()
	a := quoted.Mark(quoted.Data, "read_file", "call", "text")
	require.Equal(t, a, quoted.Mark(quoted.Data, "read_file", "call", "text"))
	require.NotEqual(t, a, quoted.Mark(quoted.Data, "read_file", "other", "text"))
}

func TestWhatHasNoMarksIsAllText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "wrote a.txt", "[data", "[data \n", "[data x from y]\nno end", "line\n[data x from y]\nz\n[end of data x]"} {
		text, after := quoted.Text(s)
		require.Equal(t, s, text)
		require.Empty(t, after)
	}
}
