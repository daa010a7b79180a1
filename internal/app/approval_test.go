package app_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// page asks for a page, and sends a form where there is one.
func page(t *testing.T, address string, form url.Values) (status int, text string, header http.Header) {
	t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(data), answer.Header
}

// asked waits until a run of the project has asked people, and returns what.
func (s *system) asked(t *testing.T, project string) (approval string) {
	t.Helper()
	require.Eventually(t, func() bool {
		data := s.do(t, `query($p: ID!) { project(id: $p) { approvals(first: 1, state: [PENDING]) { nodes { id } } }
			viewer { approvals(first: 1, state: [PENDING]) { nodes { id } } questions { nodes { id } } } }`, object{"p": project})
		open := data["project"].(object)["approvals"].(object)["nodes"].([]any)
		mine := data["viewer"].(object)["approvals"].(object)["nodes"].([]any)
		require.Empty(t, data["viewer"].(object)["questions"].(object)["nodes"])
		if len(open) != len(mine) {
			return false // asked between the two reads
		}
		require.Equal(t, open, mine)
		if len(open) > 0 {
			approval = open[0].(object)["id"].(string)
		}
		return len(open) > 0
	}, time.Minute, 50*time.Millisecond)
	return approval
}

// A link answers one question, once, without signing in; looking at it answers nothing.
func TestAQuestionIsAnsweredByALink(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t, llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			if q.Turn() == 0 {
				return llmtest.Reply{llmtest.Call("run_command", object{"shell": `line='echo "<b>hi</b>"'; eval "$line"`})}
			}
			return llmtest.Reply{llmtest.Say(q.Results()[0].Text)}
		}))
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		cfg.SandboxInside = sandboxtest.Program(t)
		s := start(t, cfg)
		project := s.newProject(t, "Phone")
		const make = `mutation($a: ID!) { createApprovalLink(input: {approvalId: $a}) { url expiresAt } }`

		run := s.sendTo(t, project, "engineer", "run it")
		approval := s.asked(t, project)
		link := s.do(t, make, object{"a": approval})["createApprovalLink"].(object)["url"].(string)
		require.True(t, strings.HasPrefix(link, s.url+"/approvals/"), link)
		for range 3 { // as programs do that show what a link leads to
			status, text, header := page(t, link, nil)
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, text, "&lt;b&gt;hi&lt;/b&gt;")
			require.NotContains(t, text, "<b>hi")
			require.Contains(t, text, "Approve once")
			require.Equal(t, "no-store", header.Get("Cache-Control"))
			require.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
			require.Contains(t, header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		}
		require.Equal(t, approval, s.asked(t, project))

		status, text, _ := page(t, link, url.Values{"decision": {"PERHAPS"}})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "APPROVE or DENY")
		status, text, _ = page(t, link, url.Values{"decision": {"APPROVE"}})
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, text, "APPROVED")
		status, _, _ = page(t, link, url.Values{"decision": {"APPROVE"}})
		require.Equal(t, http.StatusOK, status, "the same answer again is the same")
		status, text, _ = page(t, link, url.Values{"decision": {"DENY"}})
		require.Equal(t, http.StatusConflict, status)
		require.NotContains(t, text, "Approve once")
		_, text, _ = page(t, link, nil)
		require.Contains(t, text, "It is answered")
		require.Eventually(t, func() bool {
			state := s.do(t, `query($r: ID!) { node(id: $r) { ... on Run { state } } }`, object{"r": run})["node"].(object)["state"]
			return state == "SUCCEEDED"
		}, time.Minute, 50*time.Millisecond)
		_, a := s.post(t, s.key, make, object{"a": approval})
		require.Equal(t, "CONFLICT", a.code())
		const revoke = `mutation($a: ID!) { revokeApproval(input: {approvalId: $a}) { approval { until } } }`
		_, a = s.post(t, s.key, revoke, object{"a": approval})
		require.Equal(t, "PRECONDITION_FAILED", a.code(), "it was for the one call")

		s.sendTo(t, project, "engineer", "run it")
		second := s.asked(t, project)
		link = s.do(t, make, object{"a": second})["createApprovalLink"].(object)["url"].(string)
		status, text, _ = page(t, link, url.Values{"decision": {"DENY"}, "comment": {"not today"}})
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, text, "DENIED")

		upload := s.do(t, `mutation($p: ID!) { createUploadLink(input: {projectId: $p, path: "x"}) { url } }`, object{"p": project})["createUploadLink"].(object)["url"].(string)
		_, token, _ := strings.Cut(upload, "token=")
		for _, bad := range []string{"x", token, link[strings.LastIndex(link, "/")+1:] + "x"} {
			status, text, _ = page(t, s.url+"/approvals/"+bad, nil)
			require.Equal(t, http.StatusGone, status, bad)
			require.Contains(t, text, "link")
		}
	})
}
