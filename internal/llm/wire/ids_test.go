package wire_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

func TestIDsAreNewToTheTranscript(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom([]string{"", "a", "b", "c", "d"})
		seen := map[string]bool{}
		var transcript []llm.Message
		for _, used := range rapid.SliceOf(id).Draw(t, "transcript") {
			transcript = append(transcript, llm.Message{ToolCalls: []llm.ToolCall{{ID: used}}})
			seen[used] = true
		}
		ids := wire.NewIDs(transcript)
		for _, wish := range rapid.SliceOf(id).Draw(t, "answer") {
			got := ids.Take(wish)
			require.NotEmpty(t, got)
			require.False(t, seen[got])
			if wish != "" && !seen[wish] {
				require.Equal(t, wish, got, "a good id stays")
			}
			seen[got] = true
		}
	})
}

func TestPlain(t *testing.T) {
	t.Parallel()
	plain := regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9_.:-]{0,60}`)).Draw(t, "id")
		got := wire.Plain(id)
		require.Regexp(t, plain, got)
		require.Equal(t, got, wire.Plain(id))
		require.Equal(t, got, wire.Plain(got))
		if plain.MatchString(id) {
			require.Equal(t, id, got)
		}
	})
}
