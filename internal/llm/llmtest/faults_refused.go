package llmtest

import (
	"net/http"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

func refused(kind llm.Kind, wait ...time.Duration) End {
	if len(wait) > 0 {
		return End{Kind: kind, Wait: wait[0]}
	}
	return End{Kind: kind}
}

// refusals are answers that are none, by their status.
func refusals() []Fault {
	const day = 24 * time.Hour
	far := time.Date(2126, 1, 2, 3, 4, 5, 0, time.UTC)
	return []Fault{
		{Name: "429 with retry-after in seconds", Script: Reply{Status(429, 7*time.Second)}, End: refused(llm.KindOverloaded, 7*time.Second)},
		{Name: "429 with retry-after as a date, in a hundred years", Script: Reply{Header("Retry-After", far.Format(http.TimeFormat)), Status(429)}, End: refused(llm.KindOverloaded, day)},
		{Name: "429 with nothing to go by", Script: Reply{Status(429)}, End: refused(llm.KindOverloaded)},
		{Name: "429, `x-ratelimit-remaining-tokens` is 0, its reset 6m0s", Script: Reply{Header("X-Ratelimit-Remaining-Tokens", "0"), Header("X-Ratelimit-Reset-Tokens", "6m0s"), Header("X-Ratelimit-Remaining-Requests", "9"), Header("X-Ratelimit-Reset-Requests", "2h"), Status(429)}, End: refused(llm.KindOverloaded, 6*time.Minute)},
		{Name: "429, `anthropic-ratelimit-tokens-remaining` is 0, its reset in a hundred years", Script: Reply{Header("Anthropic-Ratelimit-Tokens-Remaining", "0"), Header("Anthropic-Ratelimit-Tokens-Reset", far.Format(time.RFC3339)), Status(429)}, End: refused(llm.KindOverloaded, day)},
		{Name: "429, a request that is larger than the quota", Script: Reply{Refuse(429, "rate_limit_exceeded", "Request too large for gpt-5: Limit 30000, Requested 50000.")}, End: refused(llm.KindTooLarge)},
		{Name: "429, no credit is left", Script: Reply{Refuse(429, "insufficient_quota", "You exceeded your current quota.")}, End: refused(llm.KindAuth)},
		{Name: "400, no credit is left", Script: Reply{Refuse(400, "", "Your credit balance is too low to access the API.")}, End: refused(llm.KindAuth)},
		{Name: "402", Script: Reply{Status(402)}, End: refused(llm.KindAuth)},
		{Name: "401, with the key in its words", Script: Reply{Refuse(401, "", "invalid key "+Secret)}, End: refused(llm.KindAuth)},
		{Name: "403", Script: Reply{Status(403)}, End: refused(llm.KindAuth)},
		{Name: "503", Script: Reply{Status(503)}, End: refused(llm.KindOverloaded)},
		{Name: "529 with retry-after in milliseconds", Script: Reply{Status(529, 1500*time.Millisecond)}, End: refused(llm.KindOverloaded, 1500*time.Millisecond)},
		{Name: "500", Script: Reply{Status(500)}, End: refused(llm.KindUnavailable)},
		{Name: "502 with a proxy's page", Script: Reply{Body(502, "text/html", "<html>bad gateway</html>")}, End: refused(llm.KindUnavailable)},
		{Name: "504 with nothing", Script: Reply{Body(504, "", "")}, End: refused(llm.KindUnavailable)},
		{Name: "408", Script: Reply{Status(408)}, End: refused(llm.KindUnavailable)},
		{Name: "413", Script: Reply{Status(413)}, End: refused(llm.KindTooLarge)},
		{Name: "400, the prompt is too long", Script: Reply{Refuse(400, "", "prompt is too long: 210000 tokens > 200000 maximum")}, End: refused(llm.KindTooLarge)},
		{Name: "400, `context_length_exceeded`", Script: Reply{Refuse(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.")}, End: refused(llm.KindTooLarge)},
		{Name: "400", Script: Reply{Status(400)}, End: refused(llm.KindBadRequest)},
		{Name: "400 with its error as a string", Script: Reply{Body(400, "application/json", `{"error":"model \"x\" not found"}`)}, End: refused(llm.KindBadRequest)},
		{Name: "404, there is no such model", Script: Reply{Refuse(404, "model_not_found", "The model `x` does not exist.")}, End: refused(llm.KindBadRequest)},
		{Name: "409", Script: Reply{Status(409)}, End: refused(llm.KindBadRequest)},
		{Name: "a redirect", Script: Reply{Header("Location", "http://127.0.0.1:1/"), Body(http.StatusTemporaryRedirect, "", "")}, End: refused(llm.KindBadResponse)},
		{Name: "200 with a page", Script: Reply{Body(200, "text/html", "<h1>Welcome</h1>")}, End: refused(llm.KindBadResponse)},
		{Name: "200 with JSON that is no stream", Script: Reply{Body(200, "application/json", `{"id":"x","choices":[]}`)}, End: refused(llm.KindBadResponse)},
		{Name: "200 with an error in JSON", Script: Reply{Body(200, "application/json", `{"error":{"code":429,"message":"slower"}}`)}, End: refused(llm.KindOverloaded)},
		{Name: "202", Script: Reply{Body(202, "text/event-stream", "")}, End: refused(llm.KindBadResponse)},
	}
}

// noAnswers are connections without an answer.
func noAnswers() []Fault {
	return []Fault{
		{Name: "the connection is refused", deserted: true, End: refused(llm.KindUnavailable)},
		{Name: "the connection is closed before an answer", Script: Reply{Drop()}, End: refused(llm.KindUnavailable)},
		{Name: "the connection is reset before an answer", Script: Reply{Reset()}, End: refused(llm.KindUnavailable)},
		{Name: "the connection is closed in the headers", Script: Reply{HalfHead()}, End: refused(llm.KindUnavailable)},
		{Name: "no answer comes", Script: Reply{Mute()}, Limits: wire.Limits{First: short}, End: refused(llm.KindUnavailable)},
	}
}
