package artefact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/artefact"
)

func TestArtefactsAreReadOrSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	stories, err := artefact.Stories(`[{"id":"US1","title":"Add","story":"As a user I want to add","priority":"MUST","criteria":["it is in the list"]}]`)
	require.NoError(t, err)
	require.Equal(t, "US1", stories[0].ID)
	decisions, err := artefact.Decisions(`[{"id":"D1","title":"Storage","decision":"SQLite","because":"one process","alternatives":["PostgreSQL"]}]`)
	require.NoError(t, err)
	require.Equal(t, []string{"PostgreSQL"}, decisions[0].Alternatives)
	none, err := artefact.Decisions(`[]`)
	require.NoError(t, err)
	require.Empty(t, none)

	story := func(change func(s string) string) string {
		return change(`[{"id":"a","title":"t","story":"s","priority":"MUST","criteria":["c"]},{"id":"b","title":"t","story":"s","priority":"WONT","criteria":["c"]}]`)
	}
	for wanted, text := range map[string]string{
		"no JSON array":        "# Stories",
		"something follows":    "[] []",
		`[1].id "a" is there`:  story(func(s string) string { return strings.Replace(s, `"b"`, `"a"`, 1) }),
		"[0].title is missing": story(func(s string) string { return strings.Replace(s, `"t"`, `" "`, 1) }),
		"one of MUST":          story(func(s string) string { return strings.Replace(s, "WONT", "NEVER", 1) }),
		"[0].criteria is":      story(func(s string) string { return strings.Replace(s, `["c"]`, `[]`, 1) }),
		"[0].criteria[0] is":   story(func(s string) string { return strings.Replace(s, `["c"]`, `[""]`, 1) }),
		`unknown field "owner"`: story(func(s string) string {
			return strings.Replace(s, `"id":"a"`, `"id":"a","owner":"x"`, 1)
		}),
	} {
		require.ErrorContains(t, artefact.Check(artefact.StoriesPath, text), wanted, text)
		require.NoError(t, artefact.Check("docs/other.json", text))
	}
	require.ErrorContains(t, artefact.Check(artefact.DecisionsPath, `[{"id":"D1","title":"x","decision":"y"}]`), "[0].because is missing")
}
