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
	// IdempotencyKey makes sending the same input again do nothing; "" is none.
	IdempotencyKey string
}
