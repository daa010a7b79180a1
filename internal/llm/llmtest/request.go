package llmtest

import (
	"net/http"

	"github.com/zeblit/zeblit/internal/llm"
)

// Vendor is whose API a request came in by.
type Vendor string

const (
	Anthropic       Vendor = "anthropic"
	OpenAI          Vendor = "openai"           // chat completions
	OpenAIResponses Vendor = "openai-responses" // the Responses API
)

// Request is a request as the server understood it, whatever the vendor.
type Request struct {
	N           int // 1 is the server's first
	Vendor      Vendor
	Key         string // the credentials it came with
	Model       string
	System      string
	Messages    []llm.Message
	Tools       []llm.Tool
	MaxTokens   int
	Temperature *float64
	Effort      string // that the model was told
	Header      http.Header
	Body        []byte
	Refused     string // why the server refused it; empty when it didn't
}

// LastText is the text of the last message of the user that has any: what is asked for.
func (q Request) LastText() string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if m := q.Messages[i]; m.Role == llm.RoleUser && m.Text != "" {
			return m.Text
		}
	}
	return ""
}

// Results are the tool results that the last message brings.
func (q Request) Results() []llm.ToolResult {
	if len(q.Messages) == 0 {
		return nil
	}
	return q.Messages[len(q.Messages)-1].ToolResults
}

// Turn is how many answers the model has given in this conversation.
func (q Request) Turn() int {
	n := 0
	for _, m := range q.Messages {
		if m.Role == llm.RoleAssistant {
			n++
		}
	}
	return n
}

func parse(vendor Vendor, h http.Header, body []byte) (Request, error) {
	q := Request{Vendor: vendor, Header: h.Clone(), Body: body, Key: keyOf(h)}
	switch vendor {
	case Anthropic:
		return q, q.parseAnthropic()
	case OpenAIResponses:
		return q, q.parseResponses()
	}
	return q, q.parseOpenAI()
}
