package wire

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/zeblit/zeblit/internal/llm"
)

// IDs gives every tool call of an answer an id that its transcript hasn't seen.
type IDs struct{ taken map[string]bool }

// NewIDs knows the ids of the transcript.
func NewIDs(transcript []llm.Message) *IDs {
	ids := &IDs{taken: map[string]bool{}}
	for _, m := range transcript {
		for _, c := range m.ToolCalls {
			ids.taken[c.ID] = true
		}
	}
	return ids
}

// Take is the vendor's id, or one of ours where it has none or the id is taken.
func (i *IDs) Take(id string) string {
	if id == "" || i.taken[id] {
		id = "call_" + rand.Text()
	}
	i.taken[id] = true
	return id
}

// Plain is an id as every vendor takes it: letters, digits, "_" and "-", at most 40.
// The same id is always made the same.
func Plain(id string) string {
	plain := id != "" && len(id) <= 40
	for i := 0; i < len(id) && plain; i++ {
		plain = isAlnum(id[i]) || id[i] == '_' || id[i] == '-'
	}
	if plain {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + hex.EncodeToString(sum[:12])
}
