package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/ratelimit"
)

// event is one server-sent event.
type event struct{ kind, id, data string }

// events sends an operation that is answered as server-sent events. next returns
// false when the stream ends.
func (s *system) events(t *testing.T, key, query, lastEventID string) (next func() (event, bool)) {
	t.Helper()
	body, err := json.Marshal(object{"query": query})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+key)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	require.Equal(t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (e event, ok bool) {
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "event":
				e.kind = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			}
			if lines.Text() == "" && e.kind != "" {
				return e, true
			}
		}
		return event{}, false
	}
}

// eventPost is post by server-sent events.
func (s *system) eventPost(t *testing.T, key, query string) (a answer) {
	t.Helper()
	e, ok := s.events(t, key, query, "")()
	require.True(t, ok)
	require.Equal(t, "next", e.kind)
	require.NoError(t, json.Unmarshal([]byte(e.data), &a))
	return a
}

func TestAnEventStreamGoesOnAfterTheLastEventsID(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s := start(t, cfg)
		project := s.newProject(t, "By events")
		s.send(t, project, "Build a to-do list page")
		query := `subscription { projectEvents(projectId: "` + project + `", after: "start") { __typename cursor seq ... on RunStateChanged { state } } }`
		read := func(lastEventID string) (all []event) {
			next := s.events(t, s.key, query, lastEventID)
			for {
				e, ok := next()
				require.True(t, ok)
				all = append(all, e)
				if strings.Contains(e.data, `"SUCCEEDED"`) {
					return all
				}
			}
		}
		whole := read("")
		require.Greater(t, len(whole), 20)
		for _, at := range []int{0, 7, len(whole) - 2} {
			require.Equal(t, whole[at+1:], read(whole[at].id))
		}
	})
}

// The limits hold for what they name, through every door, and for nothing else.
func TestGuessingPasswordsIsLimited(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		often := ratelimit.Rate{Count: 1000, Per: time.Hour}
		cfg.Limits = &config.Limits{
			SignIn: ratelimit.Rate{Count: 3, Per: time.Hour}, SignUp: ratelimit.Rate{Count: 2, Per: time.Hour},
			Requests: often, Connects: often, Sockets: 100,
		}
		s := start(t, cfg)
		signUp := func(email string) answer {
			_, a := s.post(t, "", `mutation($e: String!) { signUp(input: {email: $e, password: "correct horse", name: "N"}) { user { id } } }`, object{"e": email})
			return a
		}
		const guess = `mutation($e: String!, $p: String!) { signIn(input: {email: $e, password: $p}) { accessToken } }`
		require.Empty(t, signUp("ada@example.com").Errors)
		require.Empty(t, signUp("bob@example.com").Errors)
		require.Equal(t, "RATE_LIMITED", signUp("eve@example.com").code())

		for i := range 3 {
			wrong := object{"e": []string{"ada@example.com", " Ada@Example.com", "ADA@example.com"}[i], "p": "wrong"}
			_, a := s.post(t, "", guess, wrong)
			require.NotEqual(t, "RATE_LIMITED", a.code())
		}
		right := object{"e": "ada@example.com", "p": "correct horse"}
		status, a := s.post(t, "", guess, right)
		require.Equal(t, 200, status)
		require.Equal(t, "RATE_LIMITED", a.code())
		require.Equal(t, "RATE_LIMITED", s.socketPost(t, "", guess, right).code())
		_, a = s.post(t, "", guess, object{"e": "bob@example.com", "p": "correct horse"})
		require.Empty(t, a.Errors)
		_, a = s.post(t, s.key, `{ viewer { id } }`, nil)
		require.Empty(t, a.Errors)
	})
}
