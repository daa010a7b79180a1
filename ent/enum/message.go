package enum

import "io"

// MessageRole says whose words a message holds.
type MessageRole string

const (
	RoleUser      MessageRole = "USER"
	RoleAssistant MessageRole = "ASSISTANT"
	RoleSystem    MessageRole = "SYSTEM"
)

var allMessageRole = []MessageRole{RoleUser, RoleAssistant, RoleSystem}

// Values lists every MessageRole.
func (MessageRole) Values() []string { return values(allMessageRole) }

// MarshalGQL writes it as a GraphQL enum value.
func (v MessageRole) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *MessageRole) UnmarshalGQL(in any) error { return read(v, in, allMessageRole) }

// MessageStatus says whether a message may still grow.
type MessageStatus string

const (
	MessageStreaming   MessageStatus = "STREAMING"
	MessageComplete    MessageStatus = "COMPLETE"
	MessageInterrupted MessageStatus = "INTERRUPTED"
)

var allMessageStatus = []MessageStatus{MessageStreaming, MessageComplete, MessageInterrupted}

// Values lists every MessageStatus.
func (MessageStatus) Values() []string { return values(allMessageStatus) }

// MarshalGQL writes it as a GraphQL enum value.
func (v MessageStatus) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *MessageStatus) UnmarshalGQL(in any) error { return read(v, in, allMessageStatus) }
