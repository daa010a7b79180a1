package web_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAssetsAreThereWithoutABuild: go build alone must work, so the folder is never empty.
func TestAssetsAreThereWithoutABuild(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(web.Assets(), ".")
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	_, err = fs.Stat(web.Assets(), "placeholder.txt")
	require.NoError(t, err)
}
