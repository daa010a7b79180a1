package linediff_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/linediff"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// apply makes the second text of the first.
func apply(a, b []string, blocks []linediff.Block) []string {
	out, at := []string{}, 0
	for _, k := range blocks {
		out = append(append(out, a[at:k.A]...), b[k.B:k.BEnd]...)
		at = k.AEnd
	}
	return append(out, a[at:]...)
}

func TestBlocksMakeTheSecondTextOfTheFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "d\n", "e\n"}), 0, 40)
		a, b := texts.Draw(t, "a"), texts.Draw(t, "b")
		blocks := linediff.Compare(a, b)
		require.Equal(t, append([]string{}, b...), apply(a, b, blocks))
		for i, k := range blocks {
			require.True(t, k.A < k.AEnd || k.B < k.BEnd)
			require.True(t, i == 0 || blocks[i-1].AEnd < k.A && blocks[i-1].BEnd < k.B, "%v", blocks)
		}
	})
}

func TestTheScriptIsShort(t *testing.T) {
	t.Parallel()
	a := strings.Split("a b c d e f g", " ")
	b := strings.Split("a c d x e g h", " ")
	require.Equal(t, []linediff.Block{{1, 2, 1, 1}, {4, 4, 3, 4}, {5, 6, 5, 5}, {7, 7, 6, 7}}, linediff.Compare(a, b))
	require.Empty(t, linediff.Compare(a, a))
	require.Equal(t, []string{"a\n", "b"}, linediff.Lines("a\nb"))
	require.Equal(t, []string{"a\n", "\n"}, linediff.Lines("a\n\n"))
	require.Empty(t, linediff.Lines(""))
}

func TestTextsThatHaveLittleInCommonTakeNoAge(t *testing.T) {
	t.Parallel()
	var a, b []string
	for i := range 50_000 {
		a = append(a, fmt.Sprint("a", i*7%1000))
		b = append(b, fmt.Sprint("b", i))
		if i%100 == 0 {
			a, b = append(a, fmt.Sprint("same", i)), append(b, fmt.Sprint("same", i))
		}
	}
	started := time.Now()
	blocks := linediff.Compare(a, b)
	require.Less(t, time.Since(started), 20*time.Second)
	require.Equal(t, 501, len(blocks)) //nolint:testifylint // a failure would print all of them
	require.Equal(t, b, apply(a, b, blocks))
}
