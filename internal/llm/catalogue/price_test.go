package catalogue_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCostIsRoundedUpOnce(t *testing.T) {
	t.Parallel()
	p := catalogue.Price{Input: 1, Output: 2, CacheRead: 3, CacheWrite: 4}
	for _, c := range []struct {
		usage llm.Usage
		cost  int64
	}{
		{llm.Usage{}, 0},
		{llm.Usage{InputTokens: 1}, 1},
		{llm.Usage{InputTokens: 1000}, 1},
		{llm.Usage{InputTokens: 1001}, 2},
		{llm.Usage{InputTokens: 1, OutputTokens: 1, CacheReadTokens: 1, CacheWriteTokens: 1}, 1}, // 10 pico-dollars, not four times one nano-dollar
		{llm.Usage{OutputTokens: 500, ReasoningTokens: 400}, 1},                                  // reasoning is in the output already
		{llm.Usage{InputTokens: -5, OutputTokens: 500}, 1},
	} {
		require.Equal(t, c.cost, p.Cost(c.usage), "%+v", c.usage)
	}
}

func TestWorstTakesTheDearestInput(t *testing.T) {
	t.Parallel()
	written := catalogue.Price{Input: 3_000_000, Output: 15_000_000, CacheRead: 300_000, CacheWrite: 3_750_000}
	require.Equal(t, int64(3_750_000_000+15_000_000_000), written.Worst(1_000_000, 1_000_000))
	plain := catalogue.Price{Input: 2_000_000, Output: 8_000_000, CacheRead: 500_000, CacheWrite: 2_000_000}
	require.Equal(t, int64(2_000_000), plain.Worst(1000, 0))
}

func TestCostIsExactOrTheLargest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Int64Range(0, 2_000_000), rapid.Int64Range(0, math.MaxInt64))
		price := rapid.OneOf(rapid.Int64Range(0, 600_000_000), rapid.Int64Range(0, math.MaxInt64))
		p := catalogue.Price{Input: price.Draw(t, "input"), Output: price.Draw(t, "output"), CacheRead: price.Draw(t, "read"), CacheWrite: price.Draw(t, "write")}
		u := llm.Usage{InputTokens: count.Draw(t, "in"), OutputTokens: count.Draw(t, "out"), CacheReadTokens: count.Draw(t, "cached"), CacheWriteTokens: count.Draw(t, "written")}

		exact := new(big.Int)
		for _, of := range [][2]int64{{u.InputTokens, p.Input}, {u.OutputTokens, p.Output}, {u.CacheReadTokens, p.CacheRead}, {u.CacheWriteTokens, p.CacheWrite}} {
			exact.Add(exact, new(big.Int).Mul(big.NewInt(of[0]), big.NewInt(of[1])))
		}
		exact.Add(exact, big.NewInt(999)).Quo(exact, big.NewInt(1000))
		want := int64(math.MaxInt64)
		if exact.IsInt64() {
			want = exact.Int64()
		}
		require.Equal(t, want, p.Cost(u))
	})
}

func TestWorstIsNeverBelowTheCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.Int64Range(0, 600_000_000)
		count := rapid.Int64Range(0, 2_000_000)
		p := catalogue.Price{Input: price.Draw(t, "input"), Output: price.Draw(t, "output"), CacheRead: price.Draw(t, "read"), CacheWrite: price.Draw(t, "write")}
		if rapid.Bool().Draw(t, "long") {
			p.Long = &catalogue.LongPrice{Above: count.Draw(t, "above"), Input: price.Draw(t, "long input"), Output: price.Draw(t, "long output"), CacheRead: price.Draw(t, "long read"), CacheWrite: price.Draw(t, "long write")}
		}
		u := llm.Usage{InputTokens: count.Draw(t, "in"), OutputTokens: count.Draw(t, "out"), CacheReadTokens: count.Draw(t, "cached"), CacheWriteTokens: count.Draw(t, "written")}
		require.LessOrEqual(t, p.Cost(u), p.Worst(u.InputTokens+u.CacheReadTokens+u.CacheWriteTokens, u.OutputTokens))
	})
}
