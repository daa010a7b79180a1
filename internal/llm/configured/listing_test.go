package configured_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/configured"
)

// answers is a server with OpenAI's API in place of the network.
type answers func(*http.Request) (status int, body string, err error)

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	status, body, err := a(req)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func ollama(t *testing.T, a answers) configured.Server {
	t.Helper()
	servers, err := configured.Providers(configured.Options{OllamaURL: "http://127.0.0.1:11434", HTTPClient: &http.Client{Transport: a}})
	require.NoError(t, err)
	return servers[0]
}

const models = `{"object":"list","data":[{"id":"nomic-embed-text"},{"id":"qwen3:8b"},{"id":"qwen3:8b"},{"id":""}]}`

func TestModelsAreAskedOnceAndRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		down := false
		s := ollama(t, func(req *http.Request) (int, string, error) {
			asked++
			require.Equal(t, "http://127.0.0.1:11434/v1/models", req.URL.String())
			if down {
				return 0, "", errors.New("connection refused")
			}
			return 200, models, nil
		})
		require.Zero(t, asked, "nothing is asked at the start")
		for range 3 {
			ids, err := s.List(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{"qwen3:8b"}, ids)
		}
		require.Equal(t, 1, asked)

		down = true
		time.Sleep(6 * time.Minute)
		ids, err := s.List(t.Context())
		require.NoError(t, err, "the old list counts while the server is away")
		require.Equal(t, []string{"qwen3:8b"}, ids)
		require.Equal(t, 2, asked)
	})
}

func TestAServerThatIsAwayIsAskedAgainSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked int
		s := ollama(t, func(req *http.Request) (int, string, error) {
			asked++
			switch asked {
			case 1: // it hangs
				<-req.Context().Done()
				return 0, "", req.Context().Err()
			case 2:
				return 500, `{"error":{"message":"boom"}}`, nil
			case 3:
				return 200, `<html>`, nil
			}
			return 200, models, nil
		})
		start := time.Now()
		_, err := s.List(t.Context())
		e, ok := errors.AsType[*llm.Error](err)
		require.True(t, ok)
		require.Equal(t, llm.KindUnavailable, e.Kind)
		require.Equal(t, 3*time.Second, time.Since(start))
		_, again := s.List(t.Context())
		require.Equal(t, err, again)
		require.Equal(t, 1, asked)

		wait := 11 * time.Second
		for _, kind := range []llm.Kind{llm.KindUnavailable, llm.KindBadResponse} {
			time.Sleep(wait)
			wait *= 2
			_, err = s.List(t.Context())
			e, ok = errors.AsType[*llm.Error](err)
			require.True(t, ok)
			require.Equal(t, kind, e.Kind)
		}
		time.Sleep(wait)
		ids, err := s.List(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"qwen3:8b"}, ids)
	})
}

func TestAskingWaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := ollama(t, func(req *http.Request) (int, string, error) {
			<-req.Context().Done()
			return 0, "", req.Context().Err()
		})
		var all sync.WaitGroup
		for range 2 { // one asks, the other waits for it
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := s.List(ctx)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		all.Wait()
	})
}

func TestTheFirstModelThatChatsIsTheDefault(t *testing.T) {
	t.Parallel()
	s := ollama(t, func(*http.Request) (int, string, error) { return 200, `{"data":[{"id":"nomic-embed-text"}]}`, nil })
	_, err := s.Provider.Stream(t.Context(), llm.Request{}, func(string) error { return nil })
	require.ErrorContains(t, err, "the server ollama has no model that chats")
}

func TestTheKeyOfAServerIsSentAndNotShown(t *testing.T) {
	t.Parallel()
	servers, err := configured.Providers(configured.Options{
		Servers: []configured.ServerOptions{{Name: "own", URL: "https://h/api/v1/", Key: "hunter2hunter2"}},
		HTTPClient: &http.Client{Transport: answers(func(req *http.Request) (int, string, error) {
			require.Equal(t, "https://h/api/v1/models", req.URL.String())
			return 401, `{"error":{"message":"wrong key: ` + req.Header.Get("Authorization") + `"}}`, nil
		})},
	})
	require.NoError(t, err)
	_, err = servers[0].List(t.Context())
	e, ok := errors.AsType[*llm.Error](err)
	require.True(t, ok)
	require.Equal(t, llm.KindAuth, e.Kind)
	require.Contains(t, err.Error(), "wrong key: Bearer")
	require.NotContains(t, err.Error(), "hunter2hunter2")
}
