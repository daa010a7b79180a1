package catalogue_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
)

func newCatalogue(t *testing.T, overrides string) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.New([]byte(overrides))
	require.NoError(t, err)
	return c
}

// The sums are worked out by hand: tokens times USD a million tokens are millionths of
// a dollar, and a thousand times that nano-dollars.
func TestCostsWorkedOutByHand(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, "")
	for name, want := range map[string]struct {
		provider, model string
		usage           llm.Usage
		nano            int64
	}{
		"1,200×2 + 850×10 + 45,000×0.1 + 3,000×2.5 = 22,900": {
			"anthropic", "claude-sonnet-5-5",
			llm.Usage{InputTokens: 1200, OutputTokens: 850, ReasoningTokens: 300, CacheReadTokens: 45_000, CacheWriteTokens: 3000}, 22_900_000},
		"10×4 + 4,000×20 + 120,000×0.2 + 8,000×5 = 144,040": {
			"anthropic", "claude-opus-5-5",
			llm.Usage{InputTokens: 10, OutputTokens: 4000, ReasoningTokens: 3000, CacheReadTokens: 120_000, CacheWriteTokens: 8000}, 144_040_000},
		"333×1 + 77×5 + 1×0.1 + 9×1.25 = 729.35": {
			"anthropic", "claude-haiku-4-5-20251001",
			llm.Usage{InputTokens: 333, OutputTokens: 77, CacheReadTokens: 1, CacheWriteTokens: 9}, 729_350},
		"a prompt of 100,000: 90,000×0.1 + 500×0.5 + 10,000×0.01 = 9,350": {
			"anthropic", "claude-haiku-5-5",
			llm.Usage{InputTokens: 90_000, OutputTokens: 500, CacheReadTokens: 10_000}, 9_350_000},
		"a prompt of 100,001: 90,001×0.5 + 500×2.5 + 10,000×0.05 = 46,750.5": {
			"anthropic", "claude-haiku-5-5",
			llm.Usage{InputTokens: 90_001, OutputTokens: 500, CacheReadTokens: 10_000}, 46_750_500},
		"2,000×2 + 1,500×12 + 18,000×0.2 + 512×2.5 = 26,880": {
			"openai", "gpt-5.6-terra",
			llm.Usage{InputTokens: 2000, OutputTokens: 1500, ReasoningTokens: 1100, CacheReadTokens: 18_000, CacheWriteTokens: 512}, 26_880_000},
		"a long prompt: 280,000×4 + 1,000×18 = 1,138,000": {
			"openai", "gpt-5.6-terra",
			llm.Usage{InputTokens: 280_000, OutputTokens: 1000}, 1_138_000_000},
		"7,777×0.25 + 333×2 + 4,096×0.025 = 2,712.65": {
			"openai", "gpt-5-mini",
			llm.Usage{InputTokens: 7777, OutputTokens: 333, CacheReadTokens: 4096}, 2_712_650},
		"3×0.1 + 1×0.4 + 1×0.025 = 0.725": {
			"openai", "gpt-4.1-nano",
			llm.Usage{InputTokens: 3, OutputTokens: 1, CacheReadTokens: 1}, 725},
		"100×2 + 9,000×8 = 72,200": {
			"openai", "o3",
			llm.Usage{InputTokens: 100, OutputTokens: 9000, ReasoningTokens: 8500}, 72_200_000},
		"a prompt of 200,000: 150,000×1.25 + 2,000×10 + 50,000×0.125 = 213,750": {
			"gemini", "gemini-2.5-pro",
			llm.Usage{InputTokens: 150_000, OutputTokens: 2000, CacheReadTokens: 50_000}, 213_750_000},
		"12,345×0.75 + 678×3.75 + 90×0.075 = 11,808": {
			"gemini", "gemini-3.7-flash",
			llm.Usage{InputTokens: 12_345, OutputTokens: 678, CacheReadTokens: 90}, 11_808_000},
		"1×0.435 + 1×0.87 + 1×0.003625 = 1.308625, rounded up": {
			"deepseek", "deepseek-v4-pro",
			llm.Usage{InputTokens: 1, OutputTokens: 1, CacheReadTokens: 1}, 1309},
		"1,000×0.95 + 1,000×4 + 10,000×0.16 = 6,550": {
			"moonshot", "kimi-k2.6",
			llm.Usage{InputTokens: 1000, OutputTokens: 1000, CacheReadTokens: 10_000}, 6_550_000},
		"1,000×0.25 + 100×1.25 + 1,000×0.03 + 1,000×0.3 = 705": {
			"openrouter", "anthropic/claude-3-haiku",
			llm.Usage{InputTokens: 1000, OutputTokens: 100, CacheReadTokens: 1000, CacheWriteTokens: 1000}, 705_000},
		"a cache without a price: 1,000×0.29 + 500×0.29 + 0×0.59 = 435": {
			"groq", "qwen/qwen3-32b",
			llm.Usage{InputTokens: 1000, CacheReadTokens: 500}, 435_000},
	} {
		m, ok := c.Find(want.provider, want.model)
		require.True(t, ok, want.model)
		require.NotNil(t, m.Price, want.model)
		require.Equal(t, want.nano, m.Price.Cost(want.usage), "%s: %s", want.model, name)
	}
}

func TestTheTablesAreSound(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, "")
	models := c.Models()
	require.Greater(t, len(models), 300)
	require.True(t, slices.IsSortedFunc(models, func(a, b catalogue.Model) int { return strings.Compare(a.Provider, b.Provider) }))
	name := regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	seen := map[string]bool{}
	for _, m := range models {
		id := m.Provider + "/" + m.ID
		require.False(t, seen[id], id)
		seen[id] = true
		require.Regexp(t, name, m.Provider)
		require.NotEmpty(t, m.Name, id)
		require.Positive(t, m.ContextWindow, id)
		require.Positive(t, m.OutputLimit, id)
		require.LessOrEqual(t, m.OutputLimit, m.ContextWindow, id)
		require.True(t, m.Tools, id)
		p := m.Price
		if p == nil {
			continue
		}
		_, err := time.Parse(time.DateOnly, p.AsOf)
		require.NoError(t, err, id)
		require.GreaterOrEqual(t, p.AsOf, c.AsOf())
		require.LessOrEqual(t, p.CacheRead, p.Input, id)
		require.GreaterOrEqual(t, p.CacheWrite, p.Input, id)
		require.Less(t, p.Output, int64(1_000_000_000), id) // a thousand dollars a million
		if l := p.Long; l != nil {
			require.Less(t, l.Above, m.ContextWindow, id)
			require.Greater(t, l.Input, p.Input, id)
			require.Greater(t, l.Output, p.Output, id)
			require.LessOrEqual(t, l.CacheRead, l.Input, id)
			require.GreaterOrEqual(t, l.CacheWrite, l.Input, id)
		}
	}
}

// Anthropic's rule tells which of catwalk's two prices of the cache is which.
func TestAnthropicsCachePricesFollowItsRule(t *testing.T) {
	t.Parallel()
	var n int
	for _, m := range newCatalogue(t, "").Models() {
		if m.Provider == "anthropic" && m.Price.AsOf == "2026-08-19" {
			n++
			require.Equal(t, m.Price.Input*125, m.Price.CacheWrite*100, m.ID)
			require.Equal(t, m.Price.Input, m.Price.CacheRead*10, m.ID)
		}
	}
	require.Greater(t, n, 10)
}

func TestFindTakesAnUndatedIDForTheNewestSnapshot(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, `[{"provider":"own","id":"m-20250101","contextWindow":1},{"provider":"own","id":"m-2026-01-01","contextWindow":2},
		{"provider":"own","id":"m-20250601","contextWindow":3},{"provider":"own","id":"m-mini-20270101","contextWindow":4}]`)
	m, ok := c.Find("anthropic", "claude-haiku-4-5")
	require.True(t, ok)
	require.Equal(t, "claude-haiku-4-5", m.ID)
	require.Equal(t, int64(1_000_000), m.Price.Input)

	m, ok = c.Find("own", "m")
	require.True(t, ok)
	require.Equal(t, int64(2), m.ContextWindow)

	_, ok = c.Find("openai", "gpt-4o-2024-05-13") // it cost twice what gpt-4o does
	require.False(t, ok)
	_, ok = c.Find("openai", "claude-haiku-4-5")
	require.False(t, ok)
}

func TestTheDefaultsOfOurProvidersArePriced(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, "")
	for provider, ids := range map[string][]string{
		"anthropic": {"claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5"},
		"openai":    {"gpt-5.6-terra", "gpt-5.6-luna", "gpt-5.6-sol"},
		"gemini":    {"gemini-3.7-flash", "gemini-3.1-flash-lite", "gemini-3.1-pro-preview-customtools"},
	} {
		for _, id := range ids {
			m, ok := c.Find(provider, id)
			require.True(t, ok, id)
			require.NotNil(t, m.Price, id)
		}
	}
}
