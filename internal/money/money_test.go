package money_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/money"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAmountsAreWrittenAndRead(t *testing.T) {
	t.Parallel()
	for nano, text := range map[int64]string{
		0: "0.00", 1: "0.000000001", -1: "-0.000000001", 12_500_000_000: "12.50", 1_230_000_000: "1.23",
		1_234_000_000: "1.234", math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	} {
		require.Equal(t, text, money.Format(nano))
	}
	for text, nano := range map[string]int64{
		"1": money.Dollar, "0.5": money.Dollar / 2, "0001.10": 1_100_000_000, "-2": -2 * money.Dollar, "0.1234567890": 123_456_789, "-0": 0,
	} {
		read, err := money.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, nano, read, text)
	}
	for text, want := range map[string]error{
		"": money.ErrSyntax, "-": money.ErrSyntax, ".5": money.ErrSyntax, "5.": money.ErrSyntax, "1e3": money.ErrSyntax, "+1": money.ErrSyntax,
		"1,000": money.ErrSyntax, " 1": money.ErrSyntax, "--1": money.ErrSyntax, "1.2.3": money.ErrSyntax, "NaN": money.ErrSyntax, "٣": money.ErrSyntax,
		"0.0000000001": money.ErrPrecision, "9223372036.854775808": money.ErrRange, "99999999999": money.ErrRange,
	} {
		_, err := money.Parse(text)
		require.ErrorIs(t, err, want, text)
	}
}

func TestWhatIsWrittenReadsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nano := rapid.Int64Min(-math.MaxInt64).Draw(t, "nano")
		read, err := money.Parse(money.Format(nano))
		require.NoError(t, err)
		require.Equal(t, nano, read)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("12.50")
	f.Fuzz(func(t *testing.T, text string) {
		nano, err := money.Parse(text)
		if err != nil {
			return
		}
		again, err := money.Parse(money.Format(nano))
		require.NoError(t, err)
		require.Equal(t, nano, again)
	})
}
