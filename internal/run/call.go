package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
)

const (
	// leastOutput is the lowest limit of output, in tokens, with which a call is made
	// where a budget leaves no room for more.
	leastOutput = 256
	// defaultOutput is the limit of a request that says none: what has no limit can't be
	// reserved.
	defaultOutput = 8192
	// A call that waits for others looks again after a while that grows.
	firstLook = 50 * time.Millisecond
	lastLook  = 2 * time.Second
)

// prompt is what a step asks a model, whichever is chosen.
type prompt struct {
	llm.Request
	asked   int   // the message that the run answers
	most    int64 // tokens that may be told of it, once a vendor found it too large; 0: as many as fit
	account usage.Account
	wish    route.Wish
}

// attempt is one try of a model call, as far as it got: what it may cost, what it has
// streamed, and in the end what is recorded of it.
type attempt struct {
	route.Candidate
	number  int
	request llm.Request // with the reservation's limit of output
	account usage.Account
	price   *catalogue.Price // nil: the model has none

	reserved *usage.Reservation // nil: no budget is above the run
	input    int64              // the most tokens that the request can be
	began    time.Time
	first    time.Duration // until the first text; 0: none came

	message *ent.Message // nil until the first text came
	offset  int          // UTF-16 units streamed
	bytes   int64        // the same in UTF-8
}

// begin makes a try: what it may cost is reserved before it is made. whole wants the
// prompt's whole limit of output, or nothing; else it may be lowered to what there is
// room for. *usage.Exceeded: the budgets have none, also after a while of waiting for
// other calls.
func (e *Engine) begin(ctx context.Context, l *lease, p prompt, c route.Candidate, number int, whole bool) (*attempt, error) {
	try := &attempt{Candidate: c, number: number, request: p.Request, account: p.account, price: c.Model.Price}
	try.request.Model = c.Model.ID
	if try.request.MaxOutputTokens <= 0 {
		try.request.MaxOutputTokens = defaultOutput
	}
	if limit := int(c.Model.OutputLimit); limit > 0 {
		try.request.MaxOutputTokens = min(try.request.MaxOutputTokens, limit)
	}
	e.compact(ctx, l, p, try)
	try.input = usage.Bound(try.request)
	bounded, err := e.ledger.Bounded(ctx, e.db.Ent, p.account)
	if err != nil {
		return nil, err
	}
	if bounded {
		if err := e.reserve(ctx, l, try, whole); err != nil {
			return nil, err
		}
		faults.Point(faults.CallReserved)
	}
	try.began = time.Now()
	return try, nil
}

func (e *Engine) reserve(ctx context.Context, l *lease, try *attempt, whole bool) error {
	wanted := usage.Call{
		Account: try.account, Epoch: l.epoch, Step: l.run.Step, Attempt: try.number,
		Provider: try.Server, Model: try.Model.ID, Reason: try.Reason, Price: try.price,
		Input: try.input, Output: int64(try.request.MaxOutputTokens),
	}
	giveUp := time.Now().Add(e.budgetWait)
	for wait := firstLook; ; {
		err := e.onBudget(ctx, try.account, func(ctx context.Context, tx *store.Tx) (err error) {
			if err := e.fence(ctx, tx, l); err != nil {
				return err
			}
			try.reserved, err = e.ledger.Reserve(ctx, tx, wanted)
			return err
		})
		if p := problem.As(err); p != nil {
			return &stopped{p.Message}
		}
		exceeded, ok := errors.AsType[*usage.Exceeded](err)
		if !ok {
			if try.reserved != nil {
				try.request.MaxOutputTokens = int(try.reserved.Output)
			}
			return err
		}
		lowered := wanted.Least > 0
		switch {
		case exceeded.HeldByOthers && time.Now().Before(giveUp):
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(wait/2 + rand.N(wait)): //nolint:gosec // who is first doesn't matter
			}
			wait = min(2*wait, lastLook)
		case !lowered && !whole:
			wanted.Least = leastOutput
		default:
			return exceeded
		}
	}
}

// ask makes the call.
func (e *Engine) ask(ctx context.Context, l *lease, try *attempt) (llm.Response, error) {
	faults.Point(faults.ModelBegun)
	called := llm.WithCall(ctx, llm.Call{RunID: l.run.ID, Step: l.run.Step, Attempt: try.number, Epoch: l.epoch})
	return try.Provider.Stream(called, try.request, func(text string) error {
		if try.first == 0 && text != "" {
			try.first = max(time.Since(try.began), 1)
		}
		err := e.say(ctx, l, try, text)
		try.bytes += int64(len(text))
		return err
	})
}

// cut says that an answer is not whole for no other reason than that a budget left room
// for no more of it.
func (try *attempt) cut(r llm.Response) bool {
	return r.StopReason == llm.StopLength && try.reserved != nil && try.reserved.Lowered
}

// record is what is written of the try when it ends now.
func (try *attempt) record(l *lease, outcome enum.CallOutcome, used llm.Usage) usage.Record {
	return usage.Record{
		Account: try.account, Step: l.run.Step, Attempt: try.number,
		Provider: try.Server, Model: try.Model.ID, Reason: try.Reason, Price: try.price,
		Usage: used, Outcome: outcome,
		Began: store.Now().Add(-time.Since(try.began)), Latency: time.Since(try.began), FirstToken: try.first,
	}
}

// success is the record of a try whose answer is whole.
func (try *attempt) success(l *lease, r llm.Response) usage.Record {
	return try.known(try.record(l, enum.CallOK, r.Usage), r)
}

// failure is the record of a try that failed, or whose answer is of no use (err is nil).
func (try *attempt) failure(l *lease, r llm.Response, err error) usage.Record {
	outcome := enum.CallInterrupted
	if isA[*llm.Error](err) && try.message == nil {
		outcome = enum.CallFailed
	}
	rec := try.record(l, outcome, r.Usage)
	switch {
	case err == nil:
		return try.known(rec, r)
	case try.bytes == 0 && unbilled(err):
		rec.Usage = llm.Usage{}
		return rec
	}
	return try.estimate(rec, try.bytes)
}

// known estimates what a whole answer took where its vendor tells nothing of it, as some
// servers do.
func (try *attempt) known(rec usage.Record, r llm.Response) usage.Record {
	if rec.Usage != (llm.Usage{}) {
		return rec
	}
	written := int64(len(r.Text) + len(r.Carry))
	for _, c := range r.ToolCalls {
		written += int64(len(c.ID) + len(c.Name) + len(c.Input))
	}
	return try.estimate(rec, written)
}

// estimate makes of what the vendor has told so far as much as it can be: all that was
// sent, and a token for each byte that came.
func (try *attempt) estimate(rec usage.Record, written int64) usage.Record {
	if u := rec.Usage; u.InputTokens+u.CacheReadTokens+u.CacheWriteTokens == 0 {
		rec.Usage.InputTokens = try.input
	}
	rec.Usage.OutputTokens = max(rec.Usage.OutputTokens, written)
	rec.Estimated = true
	return rec
}

// unbilled says whether a failure came before the vendor did anything: it refused the
// request, or there was no connection at all.
func unbilled(err error) bool {
	if e, ok := errors.AsType[*llm.Error](err); ok && e.Status >= 400 {
		return true
	}
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

// onBudget makes a transaction on the account's budgets when its turn has come.
func (e *Engine) onBudget(ctx context.Context, a usage.Account, do func(context.Context, *store.Tx) error) error {
	end, err := e.ledger.Turn(ctx, e.db.Ent, a)
	if err != nil {
		return err
	}
	defer end()
	return e.db.InTx(ctx, do)
}

// settle records a try in the transaction that writes what came of it.
func (e *Engine) settle(ctx context.Context, tx *store.Tx, l *lease, try *attempt, rec usage.Record) error {
	settled, err := e.ledger.Settle(ctx, tx, try.reserved, rec)
	if err != nil {
		return fmt.Errorf("settle a call of the model: %w", err)
	}
	e.tell(tx, l, settled)
	tx.BeforeCommit(func(context.Context) error { faults.Point(faults.CallSettling); return nil })
	return nil
}

// abandonCalls settles what a former worker of the run has left open.
func (c *Control) abandonCalls(ctx context.Context, tx *store.Tx, l *lease) error {
	settled, err := c.ledger.Abandon(ctx, tx, l.run)
	if err != nil {
		return err
	}
	for _, s := range settled {
		c.tell(tx, l, s)
	}
	return nil
}

// tell announces what a call has used, and the levels that budgets have reached with it.
func (c *Control) tell(tx *store.Tx, l *lease, s *usage.Settled) {
	by := byAgent(l.run)
	drafts := []stream.Draft{{Type: enum.EventUsageRecorded, RunID: l.run.ID, Payload: stream.UsagePayload{
		V: 1, RecordID: s.Record.ID, Usage: s.Total, Actor: &by,
	}}}
	for _, r := range s.Reached {
		drafts = append(drafts, budgetReached(l.run, r.Tell(), false))
	}
	c.log.Append(tx, l.handle, drafts...)
}

func budgetReached(r *ent.Run, t usage.Told, paused bool) stream.Draft {
	by := byAgent(r)
	return stream.Draft{Type: enum.EventBudgetReached, RunID: r.ID, Payload: stream.BudgetPayload{
		V: 1, BudgetID: t.Budget.ID, Scope: t.Budget.Scope, Period: t.Budget.Period, Level: t.Level, Paused: paused,
		Limit: t.Limit, Spent: t.Spent, Needed: t.Needed, Text: t.Text, Actor: &by,
	}}
}

// askForMoney pauses a run whose next call doesn't fit into a budget. It goes on when it
// is resumed.
func (e *Engine) askForMoney(ctx context.Context, l *lease, exceeded *usage.Exceeded) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		r, err := tx.Ent.Run.Get(ctx, l.run.ID)
		if err != nil {
			return err
		}
		if r.CancelRequested {
			return e.endBy(ctx, tx, l, cancelled, "")
		}
		if _, err := e.park(ctx, tx, l, byAgent(l.run)); err != nil {
			return err
		}
		e.log.Append(tx, l.handle, budgetReached(l.run, exceeded.Tell(), true))
		return nil
	})
}
