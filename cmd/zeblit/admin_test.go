package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// A password is reset beside the running server, on either database.
func TestResetPasswordBesideTheServer(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, cfg config.Config, flags ...string) {
		s := serve(t, cfg)
		before := ownerOf(t, s)
		signIn(t, s, before.Password)
		p := newPerson(t)
		reset := func(stdin string, more ...string) said {
			return p.run(t, stdin, append(append([]string{"admin", "reset-password", "--data-dir", s.dir}, flags...), more...)...)
		}
		done := reset("")
		require.Zero(t, done.code, done.err)
		password := regexp.MustCompile(`(?m)^  (\w{24})$`).FindStringSubmatch(done.out)[1]
		require.Contains(t, done.out, "All sessions were ended: 1. API keys go on working")
		after := ownerOf(t, s)
		require.Equal(t, owner{URL: before.URL, Email: before.Email, Password: password, APIKey: before.APIKey}, after)
		info, err := os.Stat(filepath.Join(s.dir, "owner.json"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		signIn(t, s, password)
		p.do(t, "whoami", "--data-dir", s.dir)

		done = reset("my own password\n", "--stdin", "--revoke-keys", "owner@localhost")
		require.Zero(t, done.code, done.err)
		require.NotContains(t, done.out, "my own password")
		require.Contains(t, done.out, "All API keys were revoked: 1.")
		require.Equal(t, exitCredentials, p.run(t, "", "whoami", "--url", s.url, "--api-key", before.APIKey).code)

		require.Equal(t, exitUsage, reset("short\n", "--stdin").code)
		require.Equal(t, exitNotFound, reset("", "nobody@example.com").code)
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, settings(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cfg := settings(t)
		cfg.DatabaseURL = storetest.PostgresURL(t)
		test(t, cfg, "--database-url", cfg.DatabaseURL)
	})
}

func TestResetPasswordNeedsADatabase(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	ended := p.run(t, "", "admin", "reset-password", "--data-dir", "nowhere")
	require.Equal(t, exitFailed, ended.code)
	require.Contains(t, ended.err, "no server has used the data folder nowhere")
	require.NoDirExists(t, filepath.Join(p.home, "nowhere"))

	require.NoError(t, os.WriteFile(filepath.Join(p.home, "zeblit.db"), nil, 0o600))
	ended = p.run(t, "", "admin", "reset-password", "--data-dir", p.home)
	require.Equal(t, exitFailed, ended.code)
	require.Contains(t, ended.err, "run zeblit migrate first")
}
