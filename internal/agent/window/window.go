// Package window keeps what a model is told within its context window. The whole
// conversation stays in the database and with whoever reads it: each call's messages are
// composed anew, and where they are too many the older ones are told in short.
//
// What is never left out or shortened: the system prompt, the request that the run
// answers and what the user said since, and the last turn with its tool calls. A call
// keeps its result in all that stays.
package window

import (
	"github.com/zeblit/zeblit/internal/llm"
)

// Fits says whether messages are few enough.
type Fits func([]llm.Message) bool

// Compact composes what is told from messages, of which the one at asked is the request
// that the run answers, so that it fits. It goes only as far as it has to: long results
// and inputs of older tool calls are shortened; then what was said before the request is
// told in short, the oldest first; then what was done since; at last the latest results
// are shortened. ok is false where even that doesn't fit.
//
// The same messages always give the same. It changes nothing of what it is given.
func Compact(messages []llm.Message, asked int, fits Fits) (told []llm.Message, ok bool) {
	if fits(messages) {
		return messages, true
	}
	for _, most := range []int{4 << 10, 1 << 10, 256} {
		messages = shorten(messages, latest(messages), most)
		if fits(messages) {
			return messages, true
		}
	}
	if told, ok = before(messages, asked, fits); ok {
		return told, true
	}
	messages = told // of which the request is now the first
	if told, ok = since(messages, 0, fits); ok {
		return told, true
	}
	for _, most := range []int{16 << 10, 4 << 10, 1 << 10} {
		if told = shorten(told, len(told), most); fits(told) {
			return told, true
		}
	}
	return told, false
}

// latest is where the last turn begins: the assistant's with its tool calls, and their
// results.
func latest(messages []llm.Message) int {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == llm.RoleAssistant {
			return i
		}
	}
	return len(messages)
}

// before tells what comes before the request in short, as little of it as will do.
func before(messages []llm.Message, asked int, fits Fits) ([]llm.Message, bool) {
	told := messages
	for _, from := range turns(messages, 0, asked) {
		told = append([]llm.Message{{Role: llm.RoleUser, Text: digest("Earlier in this conversation", messages[:from])}}, messages[from:]...)
		told = alternate(told)
		if fits(told) {
			return told, true
		}
	}
	return told, false
}

// since tells what was done since the request in short, but not the last turn.
func since(messages []llm.Message, asked int, fits Fits) ([]llm.Message, bool) {
	told := messages
	for _, from := range turns(messages, asked+1, latest(messages)) {
		request := messages[asked]
		request.Text += "\n\n" + digest("What you did about this so far", messages[asked+1:from])
		told = append(append(append([]llm.Message(nil), messages[:asked]...), request), messages[from:]...)
		if fits(told) {
			return told, true
		}
	}
	return told, false
}

// turns are the places between from and to where the messages can be cut, the first
// excluded: before an assistant's turn or a user's text, never between a call and its
// result.
func turns(messages []llm.Message, from, to int) (at []int) {
	for i := from + 1; i <= to && i <= len(messages); i++ {
		if i == len(messages) || len(messages[i].ToolResults) == 0 {
			at = append(at, i)
		}
	}
	return at
}

// alternate joins a user's text to the user's text before it.
func alternate(messages []llm.Message) []llm.Message {
	if len(messages) > 1 && messages[1].Role == llm.RoleUser && len(messages[1].ToolResults) == 0 {
		first := messages[1]
		first.Text = messages[0].Text + "\n\n" + first.Text
		return append([]llm.Message{first}, messages[2:]...)
	}
	return messages
}
