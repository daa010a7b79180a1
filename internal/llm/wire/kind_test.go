package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   llm.Kind
	}{
		{429, `{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"You exceeded your current quota."}}`, llm.KindAuth},
		{429, `{"error":{"message":"Your account is not active.","type":"billing_not_active","code":"billing_not_active"}}`, llm.KindAuth},
		{400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`, llm.KindAuth},
		{400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, llm.KindAuth},
		{402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}`, llm.KindAuth},
		{0, `{"error":{"type":"billing_error","message":"m"}}`, llm.KindAuth},
		{0, `{"error":{"code":"insufficient_quota","message":"m"}}`, llm.KindAuth},
		{0, `{"error":{"code":402,"message":"m"}}`, llm.KindAuth},
		{429, `{"error":{"type":"tokens","code":"rate_limit_exceeded","message":"Request too large for gpt-5 on tokens per min (TPM): Limit 30000, Requested 50000."}}`, llm.KindTooLarge},
		{429, `{"error":{"type":"tokens","code":"rate_limit_exceeded","message":"Rate limit reached for gpt-5."}}`, llm.KindOverloaded},
		{429, `{"error":{"type":"invalid_request_error","message":"slower, please"}}`, llm.KindOverloaded},
		{500, `{"error":{"message":"no room in the context window for a cache"}}`, llm.KindUnavailable},
		{400, `{"error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"m"}}`, llm.KindTooLarge},
		{0, `{"error":{"code":502,"message":"upstream"}}`, llm.KindUnavailable},
		{0, `{"error":{"code":429,"message":"upstream"}}`, llm.KindOverloaded},
		{0, `{"error":{"type":"invalid_request_error","code":"rate_limit_exceeded","message":"m"}}`, llm.KindOverloaded},
		{0, `{"error":{"type":"overloaded_error","message":"m"}}`, llm.KindOverloaded},
		{0, `{"type":"error","code":"server_error","message":"m"}`, llm.KindUnavailable},
		{0, `{"error":"out of memory"}`, llm.KindUnavailable},
	} {
		require.Equal(t, c.want, wire.ReadRefusal(c.status, nil, []byte(c.body)).Error().Kind, c.body)
	}
}
