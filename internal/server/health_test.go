package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/server"
)

func TestAMissingPartDegradesButServes(t *testing.T) {
	t.Parallel()
	var err error
	b := setup(t, func(o *server.Options) {
		o.Checks = map[string]func(context.Context) error{"redis": func(context.Context) error { return err }}
	})
	details := func() (int, string, string) {
		got := b.do(http.MethodGet, "/api/v1/health", "")
		require.NotContains(t, got.raw, "secret")
		var body struct {
			Status     string
			Components map[string]struct{ Status string }
		}
		require.NoError(t, json.Unmarshal([]byte(got.raw), &body))
		require.Equal(t, "ok", body.Components["database"].Status)
		return got.status, body.Status, body.Components["redis"].Status
	}
	status, whole, redis := details()
	require.Equal(t, []any{200, "ok", "ok"}, []any{status, whole, redis})
	err = errors.New("dial redis://secret@host")
	status, whole, redis = details()
	require.Equal(t, []any{200, "degraded", "down"}, []any{status, whole, redis})
	require.Equal(t, 200, b.do(http.MethodGet, "/health/ready", "").status)
}

func TestTheDatabaseIsNeeded(t *testing.T) {
	t.Parallel()
	var close func() error
	b := setup(t, func(o *server.Options) { close = o.DB.Close })
	require.Equal(t, 200, b.do(http.MethodGet, "/health/ready", "").status)
	require.NoError(t, close())
	require.Equal(t, 503, b.do(http.MethodGet, "/health/ready", "").status)
	require.Equal(t, 503, b.do(http.MethodGet, "/api/v1/health", "").status)
	require.Equal(t, 200, b.do(http.MethodGet, "/health", "").status)
	got := b.post(object{"query": "{name}"}, "Authorization", "Bearer "+b.key)
	require.Equal(t, 500, got.status, got.raw)
	require.Equal(t, "INTERNAL", code(t, got.raw))
}
