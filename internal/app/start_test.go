package app_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
)

func TestADatabaseOutOfReachIsAnError(t *testing.T) {
	t.Parallel()
	_, err := app.New(t.Context(), config.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", DatabaseURL: "postgres://127.0.0.1:1/none?sslmode=disable",
	}, app.Options{Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "connect")
}

func TestOneProcessPerDataFolder(t *testing.T) {
	t.Parallel()
	cfg := config.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", DemoPace: -1}
	start(t, cfg)
	_, err := app.New(t.Context(), cfg, app.Options{Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "another zeblit uses the data folder")
}

func TestTheOwnersFileIsPrivate(t *testing.T) {
	t.Parallel()
	cfg := config.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", DemoPace: -1}
	start(t, cfg)
	info, err := os.Stat(filepath.Join(cfg.DataDir, "owner.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestThePlainEndpoints(t *testing.T) {
	t.Parallel()
	s := start(t, config.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Introspection: true, DemoPace: -1})
	for path, want := range map[string]int{
		"/health": 200, "/health/ready": 200, "/api/v1/health": 200, "/api/v1/agents": 200, "/schema.graphql": 200,
		"/.well-known/jwks.json": 200, "/": 200, "/nothing": 404,
	} {
		resp, err := http.Get(s.url + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, path)
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	}
}
