package anthropic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// countLimit is how long counting may take: whoever asks can estimate as well.
const countLimit = 5 * time.Second

// counted are the members of a request that the vendor counts.
var counted = []string{"model", "system", "messages", "tools", "thinking"}

// CountTokens implements llm.Counter.
func (p *Provider) CountTokens(ctx context.Context, req llm.Request) (int64, error) {
	if req.Model == "" {
		req.Model = p.model
	}
	ctx, cancel := context.WithTimeout(ctx, countLimit)
	defer cancel()
	body, err := countBody(req)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/v1/messages/count_tokens", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("count tokens: %s", wire.Redact(err.Error(), p.secrets...))
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", p.key)
	r.Header.Set("Anthropic-Version", "2023-06-01")
	res, err := p.http.Do(r)
	if err != nil {
		return 0, fmt.Errorf("count tokens: %s", wire.Redact(err.Error(), p.secrets...))
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return 0, fmt.Errorf("count tokens: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return 0, wire.ReadRefusal(res.StatusCode, res.Header, raw).Error(p.secrets...)
	}
	var answer struct {
		Tokens int64 `json:"input_tokens"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Tokens <= 0 {
		return 0, &llm.Error{Kind: llm.KindBadResponse, Status: res.StatusCode, Message: "expected a count of tokens"}
	}
	return answer.Tokens, nil
}

func countBody(req llm.Request) ([]byte, error) {
	raw, err := json.Marshal(params(req))
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	part := map[string]json.RawMessage{}
	for _, name := range counted {
		if v, ok := whole[name]; ok {
			part[name] = v
		}
	}
	return json.Marshal(part)
}
