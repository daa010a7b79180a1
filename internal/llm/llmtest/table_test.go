package llmtest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// docs/models.md says how calls end: as they are tried, no more and no less.
func TestFaultsAreDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../docs/models.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(raw), "<!-- faults -->\n")
	require.True(t, found)
	table, _, found := strings.Cut(rest, "<!-- /faults -->")
	require.True(t, found)
	require.Equal(t, llmtest.Table(), table, "the table between the marks should be:\n%s", llmtest.Table())
}

func TestFaultsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	perVendor := map[llmtest.Vendor]int{}
	for _, f := range llmtest.Faults() {
		for _, vendor := range []llmtest.Vendor{llmtest.Anthropic, llmtest.OpenAI, llmtest.OpenAIResponses} {
			if f.In(vendor) {
				require.False(t, seen[f.Name+string(vendor)], f.Name)
				seen[f.Name+string(vendor)] = true
				perVendor[vendor]++
			}
		}
	}
	for vendor, n := range perVendor {
		require.GreaterOrEqual(t, n, 40, vendor)
	}
}
