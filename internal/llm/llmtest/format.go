package llmtest

// object is a JSON object.
type object = map[string]any

func newFormat(a *answer) format {
	switch a.request.Vendor {
	case Anthropic:
		return &anthropicFormat{answer: a}
	case OpenAIResponses:
		return &responsesFormat{answer: a}
	}
	return &openaiFormat{answer: a}
}
