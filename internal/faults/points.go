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
	// StepBoundary: the boundary's transaction is open and has written.
	StepBoundary = "step.boundary"
	// StepEnqueued: the boundary is committed, and the next job with it.
	StepEnqueued = "step.enqueued"
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
	StepBoundary, StepEnqueued,
	RunFinishing, RunFinished,
}
