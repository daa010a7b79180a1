package client_test

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/client"
)

// serving answers with a handler, and returns a client of it.
func serving(t *testing.T, o client.Options, handler http.HandlerFunc) *client.Client {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.URL, o.Key = server.URL, "key"
	c, err := client.New(o)
	require.NoError(t, err)
	return c
}

func TestAFileIsHadAsItIs(t *testing.T) {
	content := strings.Repeat("\x00\xff<>", 5<<20) // more than a GraphQL answer may have
	cut := true
	c := serving(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.Query(); {
		case r.URL.Path != "/api/v1/projects/prj_1/files" || r.Header.Get("Authorization") != "Bearer key":
			http.Error(w, "no", http.StatusTeapot)
		case query.Get("path") == "gone":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errors":[{"message":"no such file","extensions":{"code":"NOT_FOUND","field":"path"}}]}`)
		case query.Get("path") != "a b/c" || query.Get("ref") != "main":
			http.Error(w, "no", http.StatusTeapot)
		case cut:
			cut = false
			_, _ = io.WriteString(w, content[:1<<20])
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.WriteString(w, content)
		}
	})
	got, err := c.Download(context.Background(), "prj_1", "a b/c", "main")
	require.NoError(t, err)
	require.Len(t, got, len(content))
	require.Equal(t, sha256.Sum256([]byte(content)), sha256.Sum256([]byte(got)))
	_, err = c.Download(context.Background(), "prj_1", "gone", "")
	require.True(t, client.IsCode(err, "NOT_FOUND"), "%v", err)
	_, err = c.Download(context.Background(), "prj_1", "else", "")
	require.ErrorContains(t, err, "is no Zeblit server")
}

// What a query may take doesn't bound a file, which takes what the line takes.
func TestAFileMayTakeLongerThanARequest(t *testing.T) {
	limit := 50 * time.Millisecond
	c := serving(t, client.Options{RequestTimeout: limit, GiveUpAfter: time.Nanosecond}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/graphql" {
			<-r.Context().Done()
			return
		}
		if r.Method == http.MethodPost {
			time.Sleep(3 * limit)
			_, _ = io.WriteString(w, `{"path":"`+string(body)+`"}`)
			return
		}
		_, _ = io.WriteString(w, "a")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(3 * limit)
		_, _ = io.WriteString(w, "b")
	})
	file, err := c.Upload(context.Background(), client.Upload{ProjectID: "prj_1", Path: "x", Content: "sent"})
	require.NoError(t, err)
	require.Equal(t, "sent", file.Path)
	got, err := c.Download(context.Background(), "prj_1", "x", "")
	require.NoError(t, err)
	require.Equal(t, "ab", got)
	var unreachable *client.UnreachableError
	_, err = c.Viewer(context.Background())
	require.ErrorAs(t, err, &unreachable)
}
