package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/app"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

func TestADatabaseOutOfReachIsAnError(t *testing.T) {
	t.Parallel()
	_, err := app.New(t.Context(), config.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", DatabaseURL: "postgres://127.0.0.1:1/none?sslmode=disable",
		DatabaseWait: 700 * time.Millisecond,
	}, app.Options{Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "connect")
}

func TestAStartWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	database, err := pgtest.StartPrivate()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Remove()) })
	require.NoError(t, database.Stop())
	waits := &noticed{text: "the database is not available; trying again", seen: make(chan struct{})}
	cfg := config.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", DatabaseURL: database.URL(), DatabaseWait: 5 * time.Minute, DemoPace: -1}
	back := make(chan error, 1)
	go func() {
		<-waits.seen
		back <- database.Start()
	}()
	s := startLogged(t, cfg, slog.New(slog.NewTextHandler(waits, nil)))
	require.NoError(t, <-back)
	require.Eventually(t, func() bool { // a database that has just come may be slow
		resp, err := http.Get(s.url + "/health/ready")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
}

// noticed is a log that tells when a text was first written.
type noticed struct {
	text string
	once sync.Once
	seen chan struct{}
}

func (n *noticed) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(n.text)) {
		n.once.Do(func() { close(n.seen) })
	}
	return len(line), nil
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
