//go:build faults

package counting

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/agent/tools"
)

func init() {
	tools.Extend("engineer", counter{"count_once", tools.Once}, "Counts, and must not do so twice.")
	tools.Extend("engineer", counter{"count_again", tools.Repeatable}, "Counts, and may do so again.")
}

type counter struct {
	name   string
	effect tools.Effect
}

func (c counter) Name() string         { return c.name }
func (c counter) Effect() tools.Effect { return c.effect }

func (counter) Schema() string {
	return `{"type":"object","properties":{"note":{"type":"string"}},"additionalProperties":false}`
}

var client = http.Client{Timeout: 10 * time.Second}

func (c counter) Run(ctx context.Context, env tools.Env, _ json.RawMessage) (tools.Outcome, error) {
	form := url.Values{"tool": {c.name}, "call": {env.CallID}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("ZEBLIT_FAULT_COUNTER"), strings.NewReader(form.Encode()))
	if err != nil {
		return tools.Outcome{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return tools.Outcome{}, fmt.Errorf("count: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return tools.Outcome{}, fmt.Errorf("count: %s", res.Status)
	}
	return tools.Outcome{Text: "counted"}, nil
}
