package conversation

// SendInput is a message to send. Either ProjectID, to begin a conversation, or
// ConversationID, to go on with one, is set.
type SendInput struct {
	ProjectID      string
	ConversationID string
	Text           string
	// Agent is the slug of the agent to answer; "" is the default one and "none" nobody.
	Agent string
	// Model is the model wished for; "" is the configured one.
	Model string
	// Quick and Complex wish for a quick or a thorough answer; not both.
	Quick   bool
	Complex bool
	// WhileBusy is Queue, Steer, Interrupt or Reject; "" is Queue. Steering leaves Agent
	// and Model to the run that is steered.
	WhileBusy string
	// OwnBranch has the run work on a branch of its own, which is merged into main when it
	// succeeds. Steering leaves that, too, to the run that is steered.
	OwnBranch bool `json:",omitempty"` // what was sent before there was this stays the same input
	// IdempotencyKey makes sending the same input again do nothing; "" is none.
	IdempotencyKey string

	edits string // the message that it takes the place of
}

// EditInput is a message to say anew.
type EditInput struct {
	MessageID, Text string
	// Agent is as in SendInput; "" is whom the text mentions, or else who answered the old
	// message.
	Agent string
	Model string
	// WhileBusy is Reject or Interrupt; "" is Reject.
	WhileBusy      string
	IdempotencyKey string
}

// ForkInput is a message to go on from in another conversation.
type ForkInput struct {
	MessageID string
	// Title is the fork's; "" is that of the conversation.
	Title          string
	IdempotencyKey string
}
