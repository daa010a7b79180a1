package openai

import "encoding/json"

// event is one of a response's stream. The SDK's own type has the fields of all that
// there are, and takes 12 KB for each word of an answer; this one is read only as far
// as its kind needs.
type event struct {
	Type     string          `json:"type"`
	Index    int64           `json:"output_index"`
	Delta    json.RawMessage `json:"delta"`
	Item     json.RawMessage `json:"item"`
	Response json.RawMessage `json:"response"`
	Code     string          `json:"code"` // with its message, of an error
	Message  string          `json:"message"`
}

// outputItem is a message, a call, or what was thought.
type outputItem struct {
	Type, ID, Name, Phase, Arguments string

	CallID    string `json:"call_id"`
	Encrypted string `json:"encrypted_content"`
	Summary   []struct{ Text string }
}

// result is the response as a whole.
type result struct {
	Model      string
	Error      struct{ Type, Code, Message string }
	Incomplete struct{ Reason string } `json:"incomplete_details"`
	Usage      struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
		Inputs struct {
			Cached  int64 `json:"cached_tokens"`
			Written int64 `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
		Outputs struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
	}
}
