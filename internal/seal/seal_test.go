package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sealer(t testing.TB, secret, path string) *seal.Sealer {
	t.Helper()
	s, err := seal.New(secret, path)
	require.NoError(t, err)
	return s
}

func TestWhatIsSealedOpensAtItsPlaceOnly(t *testing.T) {
	t.Parallel()
	s := sealer(t, "a secret of some length", "")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		place := rapid.SliceOf(rapid.String()).Draw(t, "place")
		sealed, err := s.Seal(text, place...)
		require.NoError(t, err)
		opened, err := s.Open(sealed, place...)
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, opened))
		if len(text) >= 8 {
			require.False(t, bytes.Contains(sealed, text))
		}
		again, err := s.Seal(text, place...)
		require.NoError(t, err)
		require.NotEqual(t, sealed, again, "two that are the same can't be told")

		if other := rapid.SliceOf(rapid.String()).Draw(t, "other"); len(other) != len(place) || !equal(other, place) {
			_, err = s.Open(sealed, other...)
			require.ErrorIs(t, err, seal.ErrDamaged)
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, err = s.Open(sealed, place...)
		require.Error(t, err)
		_, err = s.Open(sealed[:at], place...)
		require.Error(t, err)
	})
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Words that run into each other are other words.
func TestPlacesAreNotConfused(t *testing.T) {
	t.Parallel()
	s := sealer(t, "a secret of some length", "")
	sealed, err := s.Seal([]byte("text"), "ab", "c")
	require.NoError(t, err)
	for _, other := range [][]string{{"a", "bc"}, {"abc"}, {"ab", "c", ""}, {"c", "ab"}, nil} {
		_, err = s.Open(sealed, other...)
		require.ErrorIs(t, err, seal.ErrDamaged)
	}
}

func TestAnotherSecretIsNamedAsTheReason(t *testing.T) {
	t.Parallel()
	sealed, err := sealer(t, "a secret of some length", "").Seal([]byte("text"), "here")
	require.NoError(t, err)
	for _, other := range []*seal.Sealer{
		sealer(t, "another secret of some length", ""), sealer(t, "", ""), sealer(t, "", filepath.Join(t.TempDir(), seal.FileName)),
	} {
		_, err = other.Open(sealed, "here")
		require.ErrorIs(t, err, seal.ErrOtherKey)
	}
	opened, err := sealer(t, "a secret of some length", "").Open(sealed, "here")
	require.NoError(t, err, "the same secret after a restart")
	require.Equal(t, "text", string(opened))
}

func TestWithoutASecretAPrivateFileHasTheKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), seal.FileName)
	s := sealer(t, "", path)
	require.NoFileExists(t, path, "it isn't made before it is needed")
	_, err := s.Open([]byte("\x01 what nobody has sealed"), "here")
	require.ErrorIs(t, err, seal.ErrOtherKey)
	require.NoFileExists(t, path)

	sealed, err := s.Seal([]byte("text"), "here")
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	again := sealer(t, "", path)
	opened, err := again.Open(sealed, "here")
	require.NoError(t, err)
	require.Equal(t, "text", string(opened))
	_, err = again.Seal([]byte("more"), "here")
	require.NoError(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)

	// Who gets a secret later goes on reading what was there before.
	with := sealer(t, "a secret of some length", path)
	opened, err = with.Open(sealed, "here")
	require.NoError(t, err)
	require.Equal(t, "text", string(opened))
	sealed, err = with.Seal([]byte("text"), "here")
	require.NoError(t, err)
	_, err = again.Open(sealed, "here")
	require.ErrorIs(t, err, seal.ErrOtherKey, "the secret is what seals now")
}

func TestADamagedKeyFileIsNotReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), seal.FileName)
	require.NoError(t, os.WriteFile(path, []byte("oops\n"), 0o600))
	_, err := sealer(t, "", path).Seal([]byte("text"))
	require.ErrorContains(t, err, path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "oops\n", string(text))
}

func TestWithoutAnyKeyNothingIsSealed(t *testing.T) {
	t.Parallel()
	_, err := sealer(t, "", "").Seal([]byte("text"))
	require.ErrorIs(t, err, seal.ErrNoKey)
}
