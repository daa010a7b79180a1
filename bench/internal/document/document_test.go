package document_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/bench/internal/document"
)

func TestASectionTakesThePlaceOfItsFormer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(file, []byte("# Doc\n\n## By hand\n\nkept\n"), 0o600))
	require.NoError(t, document.Write(file, "one", "One", "first"))
	require.NoError(t, document.Write(file, "two", "Two", "second"))
	require.NoError(t, document.Write(file, "one", "One", "anew\n"))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "# Doc\n\n## By hand\n\nkept\n\n<!-- one -->\n## One\n\nanew\n\n<!-- two -->\n## Two\n\nsecond\n", string(raw))
}
