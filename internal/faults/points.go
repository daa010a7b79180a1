package faults

// The places where a crash is tried. A name says what has just been done. Those of a
// tool are visited with the tool's name as the detail.
const (
	// SendStored: sendMessage has committed, and its answer has not been sent.
	SendStored = "send.stored"
	// RunClaimed: the lease is taken.
	RunClaimed = "run.claimed"
	// RunRecovered: what an earlier worker left behind is put in order.
	RunRecovered = "run.recovered"
	// CallReserved: what a call of the model may cost is reserved from its budgets.
	CallReserved = "call.reserved"
	// ModelBegun: the call of the model is about to be made.
	ModelBegun = "model.begun"
	// ModelFirstDelta: the first text has come and is not yet written.
	ModelFirstDelta = "model.first-delta"
	// ModelDelta: text is handed to the committer.
	ModelDelta = "model.delta"
	// ModelAnswered: the answer is whole and nothing of its end is written.
	ModelAnswered = "model.answered"
	// CallSettling: the transaction that writes what came of a call is open and has
	// written what it cost.
	CallSettling = "call.settling"
	// MessageCompleted: the message and the tool calls that it plans are written.
	MessageCompleted = "message.completed"
	// ToolPlanned: a planned call is about to be started.
	ToolPlanned = "tool.planned"
	// ToolStarted: its record says RUNNING and it has done nothing.
	ToolStarted = "tool.started"
	// ToolExecuted: its effect is there and its record is not.
	ToolExecuted = "tool.executed"
	// ToolRecorded: the record has its result.
	ToolRecorded = "tool.recorded"
	// CommandBegun: a command's files are in the sandbox, and it has not started.
	CommandBegun = "command.begun"
	// CommandEnded: it has ended, and nothing of its end or of what it changed is written.
	CommandEnded = "command.ended"
	// CommandSettling: the transaction that records both is open and has written.
	CommandSettling = "command.settling"
	// StepBoundary: the boundary's transaction is open and has written.
	StepBoundary = "step.boundary"
	// StepEnqueued: the boundary is committed, and the next job with it.
	StepEnqueued = "step.enqueued"
	// MailPosting: the transaction that writes mail to another run, and records its call,
	// is open and has written.
	MailPosting = "mail.posting"
	// MailPosted: it is committed, and nobody has been told.
	MailPosted = "mail.posted"
	// MailTaking: the transaction that takes mail into a transcript is open and has written.
	MailTaking = "mail.taking"
	// MailTaken: it is committed, and the model has not been asked.
	MailTaken = "mail.taken"
	// MailWaking: the transaction that has a run go on, since there is mail for it, is open
	// and has written.
	MailWaking = "mail.waking"
	// AskAsking: the transaction that makes the run which is to answer, and has that of who
	// asks wait, is open and has written.
	AskAsking = "ask.asking"
	// AskAnswered: who was asked has ended, and who asks has not been told.
	AskAnswered = "ask.answered"
	// AskTelling: the transaction that tells is open and has written.
	AskTelling = "ask.telling"
	// AskTold: it is committed, and nobody has been told to go on.
	AskTold = "ask.told"
	// MergeClaimed: a worker has a merge, and has done nothing.
	MergeClaimed = "merge.claimed"
	// MergePrepared: what it comes to is in memory, and nothing is written.
	MergePrepared = "merge.prepared"
	// MergeLanding: the transaction that writes it is open and has written.
	MergeLanding = "merge.landing"
	// MergeLanded: it is committed.
	MergeLanded = "merge.landed"
	// PlanMoving: the transaction that moves a plan on is open and has written.
	PlanMoving = "plan.moving"
	// PlanMoved: it is committed.
	PlanMoved = "plan.moved"
	// RunFinishing: the transaction that ends the run is open and has written.
	RunFinishing = "run.finishing"
	// RunFinished: it is committed.
	RunFinished = "run.finished"
)

var names = []string{
	SendStored,
	RunClaimed, RunRecovered,
	CallReserved, ModelBegun, ModelFirstDelta, ModelDelta, ModelAnswered, CallSettling, MessageCompleted,
	ToolPlanned, ToolStarted, ToolExecuted, ToolRecorded,
	CommandBegun, CommandEnded, CommandSettling,
	StepBoundary, StepEnqueued,
	MailPosting, MailPosted, MailTaking, MailTaken, MailWaking,
	AskAsking, AskAnswered, AskTelling, AskTold,
	MergeClaimed, MergePrepared, MergeLanding, MergeLanded,
	PlanMoving, PlanMoved,
	RunFinishing, RunFinished,
}
