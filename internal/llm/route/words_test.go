package route_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm/route"
)

func TestTheWordsOfTheText(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic)
	long := strings.Repeat("blue ", 40)
	for _, c := range []struct {
		text        string
		usual, tier route.Tier
		reason      string
	}{
		{"", route.Standard, route.Standard, "usually"},
		{"hi", route.Standard, route.Quick, `the word "hi"`},
		{"Hi, what's the status?", route.Complex, route.Quick, `the words "hi" and "whats"`},
		{"this", route.Standard, route.Standard, "usually"}, // "hi" is in it
		{"knowledge", route.Standard, route.Standard, "usually"},
		{"Good   morning!", route.Standard, route.Quick, `"good morning"`},
		{"good", route.Standard, route.Standard, "usually"},
		{"Implement the login", route.Quick, route.Standard, `"implement"`},
		{"Implement the login", route.Standard, route.Standard, "usually"},
		{"Implement the login", route.Complex, route.Complex, "usually"},
		{"How do I fix this?", route.Standard, route.Standard, "usually"}, // work is never quick
		{"What is a good design?", route.Standard, route.Standard, "usually"},
		{"Design the architecture", route.Quick, route.Complex, `the words "design" and "architecture"`},
		{"designs, designing and redesign", route.Standard, route.Standard, "usually"}, // one word, three times
		{"The API design needs research", route.Standard, route.Complex, `the words "api design" and "research"`},
		{"an API design", route.Standard, route.Standard, "usually"}, // one, not two
		{"ARCHITECTURE;MIGRATION", route.Standard, route.Complex, `"architecture" and "migration"`},
		{"multi-agent pipelines", route.Standard, route.Complex, `"multi agent" and "pipelines"`},
		{"@engineer and @tester, look at this", route.Standard, route.Complex, "the text addresses several agents"},
		{"@engineer @Engineer look", route.Standard, route.Standard, "usually"},
		{"write to a@b.example and c@d.example", route.Standard, route.Standard, "usually"},
		{"status " + long, route.Standard, route.Standard, "usually"},   // too long to be quick
		{long + long + long, route.Standard, route.Standard, "usually"}, // and length alone makes nothing hard
		{"Wie geht es dir?", route.Standard, route.Standard, "usually"},
	} {
		first := candidates(t, r, route.Wish{Text: c.text, Tier: c.usual})[0]
		require.Equal(t, c.tier, first.Tier, c.text)
		require.Contains(t, first.Reason, c.reason, c.text)
	}
}

func TestWordsAreWholeWords(t *testing.T) {
	t.Parallel()
	r := newRouter(t, nil, anthropic)
	words := []string{"hi", "status", "architecture", "migration", "implement", "list", "who"}
	rapid.Check(t, func(t *rapid.T) {
		var text []string
		for range rapid.IntRange(1, 10).Draw(t, "words") {
			word := rapid.SampledFrom(words).Draw(t, "word")
			before, after := rapid.SampledFrom([]string{"q", "7", "é", "_"}).Draw(t, "before"), rapid.SampledFrom([]string{"", "q", "7", "é", "_"}).Draw(t, "after")
			text = append(text, before+word+after)
		}
		all, err := r.Candidates(t.Context(), route.Wish{Text: strings.Join(text, rapid.SampledFrom([]string{" ", "\n", ", "}).Draw(t, "between"))})
		require.NoError(t, err)
		require.Equal(t, route.Standard, all[0].Tier)
	})
}

func FuzzText(f *testing.F) {
	f.Add("Hi @a @b, what's the architecture?")
	r := newRouter(f, nil, anthropic)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := r.Candidates(t.Context(), route.Wish{Text: text})
		require.NoError(t, err)
		require.NotEmpty(t, all[0].Reason)
	})
}
