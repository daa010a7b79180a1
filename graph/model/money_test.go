package model_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/graph/model"
)

func written(nano int64) string {
	var out bytes.Buffer
	model.MarshalMoney(nano).MarshalGQL(&out)
	return out.String()
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for nano, text := range map[int64]string{
		0: `"0"`, 1: `"0.000000001"`, 3_625_000: `"0.003625"`, 12_500_000_000: `"12.5"`, -1_000_000_000: `"-1"`, -1: `"-0.000000001"`,
		math.MaxInt64: `"9223372036.854775807"`, math.MinInt64: `"-9223372036.854775808"`,
	} {
		require.Equal(t, text, written(nano))
	}
	for in, nano := range map[string]int64{"1": 1_000_000_000, "007.50": 7_500_000_000, "-0.1": -100_000_000, "0.000000000": 0} {
		got, err := model.UnmarshalMoney(in)
		require.NoError(t, err)
		require.Equal(t, nano, got)
	}
	for _, in := range []any{"", "-", ".5", "1.", "1.0000000001", "1e3", "+1", " 1", "1,5", "--1", "9223372037", "99999999999999999999", "$1", 1, 1.5, nil, true} {
		_, err := model.UnmarshalMoney(in)
		require.ErrorContains(t, err, "Money is a string", "%v", in)
	}
}

func TestMoneySurvivesItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nano := rapid.Int64Min(-math.MaxInt64).Draw(t, "nano")
		text := written(nano)
		got, err := model.UnmarshalMoney(text[1 : len(text)-1])
		require.NoError(t, err)
		require.Equal(t, nano, got)
	})
}
