package catalogue

import (
	"math"
	"math/bits"

	"github.com/zeblit/zeblit/internal/llm"
)

// Price is what a model's tokens cost, in pico-dollars a token, which is the same
// number as millionths of a dollar a million tokens: 3 USD a million is 3,000,000.
// Vendors that tell no price for the cache bill its tokens as input, so CacheRead and
// CacheWrite are Input there and never 0 by omission.
type Price struct {
	Input, Output, CacheRead, CacheWrite int64

	Long *LongPrice // nil: long prompts cost the same

	AsOf string // the day on which the price was right, as yyyy-mm-dd
}

// LongPrice holds for the whole of a call whose prompt, cached tokens included, has
// more than Above tokens.
type LongPrice struct {
	Above int64

	Input, Output, CacheRead, CacheWrite int64
}

// Cost is what u costs, in nano-dollars, rounded up once for the whole call. Output
// includes reasoning, so ReasoningTokens add nothing. A cost that no int64 holds is
// the largest one, and a negative count counts as none.
func (p Price) Cost(u llm.Usage) int64 {
	p = p.at(prompt(u.InputTokens, u.CacheReadTokens, u.CacheWriteTokens))
	var s sum
	s.add(u.InputTokens, p.Input)
	s.add(u.OutputTokens, p.Output)
	s.add(u.CacheReadTokens, p.CacheRead)
	s.add(u.CacheWriteTokens, p.CacheWrite)
	return s.nano()
}

// Worst is the most that a call of at most input and output tokens can cost, in
// nano-dollars: nobody knows before it what the vendor's cache will take or give, so
// that all of the input has the dearest of its prices.
func (p Price) Worst(input, output int64) int64 {
	worst := p.worst(input, output)
	if p.Long != nil && input > p.Long.Above { // a long prompt may cost less a token
		worst = max(worst, p.at(input).worst(input, output))
	}
	return worst
}

func (p Price) worst(input, output int64) int64 {
	var s sum
	s.add(input, max(p.Input, p.CacheRead, p.CacheWrite))
	s.add(output, p.Output)
	return s.nano()
}

// at is the price of a call whose prompt has so many tokens.
func (p Price) at(prompt int64) Price {
	if l := p.Long; l != nil && prompt > l.Above {
		return Price{Input: l.Input, Output: l.Output, CacheRead: l.CacheRead, CacheWrite: l.CacheWrite, AsOf: p.AsOf}
	}
	return p
}

// prompt adds counts up; it is the largest number where they don't fit.
func prompt(counts ...int64) int64 {
	var all int64
	for _, n := range counts {
		if n = max(n, 0); all > math.MaxInt64-n {
			return math.MaxInt64
		}
		all += n
	}
	return all
}

// sum is a number of pico-dollars of 128 bits, which no call can overflow.
type sum struct{ hi, lo uint64 }

func (s *sum) add(tokens, price int64) {
	if tokens <= 0 || price <= 0 {
		return
	}
	hi, lo := bits.Mul64(uint64(tokens), uint64(price))
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
}

// nano is the sum in nano-dollars, rounded up.
func (s sum) nano() int64 {
	const pico = 1000
	if s.hi >= pico {
		return math.MaxInt64
	}
	nano, rest := bits.Div64(s.hi, s.lo, pico)
	if rest > 0 && nano < math.MaxUint64 {
		nano++
	}
	return int64(min(nano, math.MaxInt64))
}
