package money_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/money"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAmountsAreWritten(t *testing.T) {
	t.Parallel()
	for nano, text := range map[int64]string{
		0: "0.00", 1: "0.000000001", -1: "-0.000000001", 12_500_000_000: "12.50", 1_230_000_000: "1.23", 100: "0.0000001",
		1_234_000_000: "1.234", money.Dollar: "1.00", math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	} {
		require.Equal(t, text, money.Format(nano))
	}
}
