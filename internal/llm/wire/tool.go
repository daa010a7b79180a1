package wire

import (
	"bytes"
	"encoding/json"

	"github.com/zeblit/zeblit/internal/llm"
)

// WholeCalls keeps the calls whose input is a JSON object. broken names the tool of
// the first that isn't; it is empty when all are.
func WholeCalls(calls []llm.ToolCall) (whole []llm.ToolCall, broken string) {
	for _, c := range calls {
		if IsObject(c.Input) {
			whole = append(whole, c)
		} else if broken == "" {
			broken = c.Name
		}
	}
	return whole, broken
}

// IsObject reports whether raw is one whole JSON object.
func IsObject(raw []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) && json.Valid(raw)
}
