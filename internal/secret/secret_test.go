package secret_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/secret"
)

func TestSecretsAreTakenOut(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor("hunter2-is-mine", `with"quote`, "abc")
	for name, c := range map[string]struct{ text, hidden string }{
		"known":             {"the password is hunter2-is-mine.", "hunter2-is-mine"},
		"known, in JSON":    {`{"password":"with\"quote"}`, `with\"quote`},
		"Anthropic":         {"ANTHROPIC_API_KEY=sk-ant-api03-" + random(93) + "AA ", "sk-ant-api03-" + random(93)},
		"OpenAI":            {"use sk-proj-" + random(74) + "T3BlbkFJ" + random(74) + " now", "T3BlbkFJ"},
		"GitHub":            {"token: ghp_" + random(36), "ghp_" + random(36)},
		"AWS":               {"aws_access_key_id = AKIA" + "Q3EGRZJX6P4WN2TB", "AKIAQ3EGRZJX6P4WN2TB"},
		"private key":       {"-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat(random(64)+"\n", 4) + "-----END RSA PRIVATE KEY-----", random(64)},
		"an assigned token": {`const apiKey = "` + random(32) + `";`, random(32)},
	} {
		got := r.Redact(c.text)
		require.NotContains(t, got, c.hidden, name)
		require.Contains(t, got, secret.Mark, name)
		require.Equal(t, got, r.Redact(got), "%s: twice is once", name)
	}
}

func TestOtherTextStays(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor("abc", "")
	for _, text := range []string{
		"", "abc", "The key to this is the token that the tokenizer makes.", "func main() { fmt.Println(\"hello\") }",
		"<input type=password name=password>", "msg_01h455vb4pex5vsknk084sn02q", secret.Mark,
	} {
		require.Equal(t, text, r.Redact(text))
	}
}

func TestTwiceIsOnce(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor("hunter2-is-mine")
	parts := rapid.SampledFrom([]string{"key", "=", "\"", " ", "\n", "token", ":", "hunter2-is-mine", random(40), "ghp_" + random(36), "password", "{", "}"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(parts).Draw(t, "parts"), "")
		once := r.Redact(text)
		require.Equal(t, once, r.Redact(once))
		require.NotContains(t, once, "hunter2-is-mine")
	})
}

// random is always the same, and looks as if it were not.
func random(n int) string {
	const letters = "q7Rt2XbW9ZkLmN4pVcYd8HfGs3JaT6vEeQ1xUiOo5PwBrDnCyKzSuMjFhAgIl0"
	var out strings.Builder
	for i := range n {
		out.WriteByte(letters[(i*37+11)%len(letters)])
	}
	return out.String()
}
