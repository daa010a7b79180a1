package openai

import (
	"context"
	"errors"
	"net/http"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

var _ llm.Checker = (*Provider)(nil)

// Check implements llm.Checker: it asks for the list of models. A server that has
// none, or that shows it to everyone, which proves no key, is asked for one token.
func (p *Provider) Check(ctx context.Context) error {
	err := p.list(ctx, p.key)
	proven := err == nil
	if proven && !p.official && p.key != "" {
		e, ok := errors.AsType[*llm.Error](p.list(ctx, ""))
		proven = ok && e.Kind == llm.KindAuth
	}
	if proven || err != nil && !wire.Unlisted(err) {
		return err
	}
	_, err = p.Stream(ctx, llm.OneToken(), func(string) error { return nil })
	return err
}

func (p *Provider) list(ctx context.Context, key string) error {
	call := wire.NewCall(ctx, p.limits, p.secrets...)
	defer call.Stop()
	header := http.Header{}
	if key != "" {
		header.Set("Authorization", "Bearer "+key)
	}
	return call.List(p.http, p.base+"/models", header)
}
