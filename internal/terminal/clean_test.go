package terminal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/terminal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCleanDropsWhatSteersATerminal(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"plain\ttext\n":                            "plain\ttext\n",
		"Zürich 🚀 日本":                              "Zürich 🚀 日本",
		"\x1b[2J\x1b[31;1mred\x1b[0m":              "red",
		"\x1b]0;title\x07a":                        "a",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1bPq#0;2\x1b\\a":                        "a",
		"\x1b(0a\x1bcb":                            "ab",
		"\u009b2Ja\u009d0;t\u009cb":                "ab",
		"a\rb\x08c\x00\x7fd":                       "abcd",
		"a\u202eb\u2066c\u200fd":                   "abcd",
		"\x1b]0;endless\nnext line":                "\nnext line",
		"\x1b\x1b[1mx":                             "x",
		"\x1b]x\x1b[1my":                           "y",
		"cut\x1b":                                  "cut",
	} {
		require.Equal(t, want, terminal.Clean(given), "%q", given)
	}
	require.Equal(t, "a b c", terminal.CleanLine("a\nb\tc"))
}

func TestCleanRemembersBetweenPieces(t *testing.T) {
	t.Parallel()
	const text = "a\x1b[31mb\x1b]0;t\x07c\x1b]8;;x\x1b\\d"
	for n := 1; n < len(text); n++ {
		var c terminal.Cleaner
		require.Equal(t, "abcd", c.Clean(text[:n])+c.Clean(text[n:]))
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\x1b]0;t\x07a\u009b1mb", 3)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		s = strings.ToValidUTF8(s, "")
		cleaned := terminal.Clean(s)
		if strings.ContainsAny(cleaned, "\x1b\r\x07\x08\u009b\u202e") {
			t.Fatalf("%q became %q", s, cleaned)
		}
		if cut < 0 || cut > len(s) || !strings.HasPrefix(strings.ToValidUTF8(s[cut:], "?"), s[cut:]) {
			return
		}
		var c terminal.Cleaner
		if whole := c.Clean(s[:cut]) + c.Clean(s[cut:]); whole != cleaned {
			t.Fatalf("%q in pieces became %q, and as a whole %q", s, whole, cleaned)
		}
	})
}
