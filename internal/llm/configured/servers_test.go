package configured_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/configured"
)

func environment(name string) string { return map[string]string{"GROQ_KEY": " gk \n"}[name] }

func TestParseServers(t *testing.T) {
	t.Parallel()
	servers, err := configured.ParseServers([]byte(`[
		{"name": "groq", "url": "https://api.groq.com/openai/v1", "keyEnv": "GROQ_KEY"},
		{"name": "vllm-1", "url": "http://10.0.0.1:8000", "key": "k", "models": ["qwen", "a/b:c"]}
	]`), environment)
	require.NoError(t, err)
	require.Equal(t, []configured.ServerOptions{
		{Name: "groq", URL: "https://api.groq.com/openai/v1", Key: "gk", KeyEnv: "GROQ_KEY"},
		{Name: "vllm-1", URL: "http://10.0.0.1:8000", Key: "k", Models: []string{"qwen", "a/b:c"}},
	}, servers)

	servers, err = configured.ParseServers([]byte(" \n"), environment)
	require.NoError(t, err)
	require.Empty(t, servers)
}

func TestWrongServersAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		`{}`:                                    "must be a JSON array",
		`[1]`:                                   "model server 1 of the list: it must be an object with name and url",
		`[{"name":"a","url":"http://h"}] x`:     "must be a JSON array",
		`[{"name":"A","url":"http://h"}]`:       "needs a name of 1 to 32 small letters",
		`[{"name":"demo","url":"http://h"}]`:    "can't be called demo",
		`[{"name":"openai","url":"http://h"}]`:  "can't be called openai",
		`[{"name":"a","url":"h:80"}]`:           "needs a url that begins with",
		`[{"name":"a","url":"http://u:p@h"}]`:   "needs a url that begins with",
		`[{"name":"a","url":"http://h","k":1}]`: `unknown field "k"`,
		`[{"name":"a","url":1}]`:                "url can't be a number",
		`[{"name":"a","url":"http://h","key":"k","keyEnv":"GROQ_KEY"}]`: "has both key and keyEnv",
		`[{"name":"a","url":"http://h","keyEnv":"NO_KEY"}]`:             "needs its key in the variable",
		`[{"name":"a","url":"http://h","models":["a b"]}]`:              "has a model that is empty or has spaces",
		`[{"name":"a","url":"http://h"},{"name":"a","url":"http://h"}]`: "model server 2 of the list has the name of another one",
	} {
		_, err := configured.ParseServers([]byte(text), environment)
		require.ErrorContains(t, err, problem, text)
	}
	_, err := configured.ParseServers([]byte(`[{"name":"","url":"","key":"hunter2"},{"name":"b","url":"ftp://hunter2@h"}]`), environment)
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
	require.NotContains(t, err.Error(), "hunter2")
}
