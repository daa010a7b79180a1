package configured

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

const (
	listFor   = 5 * time.Minute  // a list is remembered
	failedFor = 10 * time.Second // a failure to get one is, and twice as long each next time, up to listFor
	listLimit = 3 * time.Second  // for one answer
	listSize  = 4 << 20          // of one answer, in bytes
)

// listing asks a server which models it has, and remembers the answer.
type listing struct {
	url     string
	key     string
	name    string
	client  *http.Client
	asking  chan struct{} // capacity 1: whoever has put something in may use the rest
	ids     []string
	err     error
	expires time.Time
	failed  time.Duration // how long the failure before was remembered; 0: there was none
}

func newListing(o ServerOptions, client *http.Client) *listing {
	if client == nil {
		client = wire.Client()
	}
	return &listing{url: wire.Join(o.URL, "v1", true) + "/models", key: o.Key, name: o.Name, client: client, asking: make(chan struct{}, 1)}
}

// models are the server's that chat, in its order. While it fails, the list from before
// counts.
func (l *listing) models(ctx context.Context) ([]string, error) {
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if time.Now().After(l.expires) {
		ids, err := l.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			l.ids, l.err, l.failed, l.expires = ids, nil, 0, time.Now().Add(listFor)
		default:
			l.failed = min(max(failedFor, 2*l.failed), listFor)
			l.err, l.expires = err, time.Now().Add(l.failed)
		}
	}
	if l.ids == nil {
		return nil, l.err
	}
	return slices.Clone(l.ids), nil
}

// first is the model to use when none is named.
func (l *listing) first(ctx context.Context) (string, error) {
	ids, err := l.models(ctx)
	if err != nil {
		return "", err
	}
	if len(ids) > 0 {
		return ids[0], nil
	}
	return "", &llm.Error{Kind: llm.KindBadRequest, Message: fmt.Sprintf("the server %s has no model that chats", l.name)}
}

// ask makes the request. Its error is an *llm.Error, and without the key.
func (l *listing) ask(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return nil, l.failure(llm.KindUnavailable, err)
	}
	if l.key != "" {
		req.Header.Set("Authorization", "Bearer "+l.key)
	}
	res, err := l.client.Do(req)
	if err != nil {
		return nil, l.failure(llm.KindUnavailable, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, listSize))
	if err != nil {
		return nil, l.failure(llm.KindUnavailable, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, wire.ReadRefusal(res.StatusCode, res.Header, body).Error(l.key)
	}
	var answer struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, l.failure(llm.KindBadResponse, err)
	}
	ids := make([]string, 0, len(answer.Data))
	seen := map[string]bool{"": true}
	for _, m := range answer.Data {
		if !seen[m.ID] && !strings.Contains(strings.ToLower(m.ID), "embed") { // those answer no chat
			ids = append(ids, m.ID)
		}
		seen[m.ID] = true
	}
	return ids, nil
}

func (l *listing) failure(kind llm.Kind, err error) error {
	message := wire.Redact(fmt.Sprintf("the list of models of %s: %s", l.name, err), wire.Secrets(l.key, l.url)...)
	return &llm.Error{Kind: kind, Message: message, Err: err}
}
