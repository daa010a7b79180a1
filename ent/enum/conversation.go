package enum

import "io"

// ConversationKind says between whom a conversation is.
type ConversationKind string

const (
	ConversationChat     ConversationKind = "CHAT"
	ConversationTask     ConversationKind = "TASK"
	ConversationQuestion ConversationKind = "QUESTION"
)

var allConversationKind = []ConversationKind{ConversationChat, ConversationTask, ConversationQuestion}

// Values lists every ConversationKind.
func (ConversationKind) Values() []string { return values(allConversationKind) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ConversationKind) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ConversationKind) UnmarshalGQL(in any) error { return read(v, in, allConversationKind) }
