package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/redistest"
)

// The trial of budgets: calls that together may cost more than there is, at the same
// time, whose workers are killed between reserving and settling.
const (
	spendLimit = money.Dollar
	// spendCalls is how many runs ask at once; each calls the model twice.
	spendCalls = 50
	// spendKills is how many workers are killed for certain, if there is still anything
	// to call for.
	spendKills    = 8
	spendPatience = 10 * time.Second
	spendSettle   = 4 * time.Minute
)

// spendPrices is what the installation is told of the scripted model, in US dollars a
// million tokens, and spendPrice is the same for the vendor's own books.
const spendPrices = `[{"provider":"anthropic","id":"scripted","asOf":"2026-11-01","price":{"input":1,"output":2,"cacheWrite":1.25}}]`

var spendPrice = catalogue.Price{Input: 1_000_000, Output: 2_000_000, CacheRead: 1_000_000, CacheWrite: 1_250_000}

// spendPoints are between reserving and settling, and around them.
var spendPoints = []string{
	faults.CallReserved, faults.CallReserved, faults.ModelBegun, faults.ModelFirstDelta, faults.ModelDelta, faults.ModelAnswered,
	faults.CallSettling, faults.CallSettling, faults.MessageCompleted, faults.RunRecovered, faults.RunClaimed, faults.RunFinishing, "",
}

// spend marks the messages of this trial.
const spend = "Spend money."

// Spent is what came of one trial.
type Spent struct {
	Kills int
	// Spent is what the ledger says of the budget, and Billed what the vendor bills: all
	// of each request that reached it, however it ended.
	Spent, Billed int64
	// Most is the most that was spent and reserved at once, as far as a look each few
	// milliseconds can tell.
	Most     int64
	Requests int
	Records  int
	// Abandoned are the calls that were settled by who took a run over.
	Abandoned         int
	Succeeded, Paused int
	Took              time.Duration
	Wrong             []string
}

// Good reports whether all that must hold held.
func (s *Spent) Good() bool { return len(s.Wrong) == 0 }

func (s *Spent) String() string {
	out := fmt.Sprintf("%d kills in %.0f s; spent %s of %s, most at once %s, the vendor bills %s for %d requests; %d records, %d abandoned; runs: %d succeeded, %d paused",
		s.Kills, s.Took.Seconds(), money.Format(s.Spent), money.Format(spendLimit), money.Format(s.Most), money.Format(s.Billed), s.Requests,
		s.Records, s.Abandoned, s.Succeeded, s.Paused)
	for _, w := range s.Wrong {
		out += "\n\tWRONG: " + w
	}
	return out
}

// vendor keeps books of its own.
type vendor struct {
	mu       sync.Mutex
	billed   int64
	requests int
	asked    chan struct{} // closed by the first request, which gets no answer: its call stays open
}

// reply bills a request when it arrives, and answers it. Each fifth takes all the output
// that it was allowed, and all write what they send into the cache, the dearest way. The
// first is never answered: who waits for it can be killed with a call open for certain.
func (v *vendor) reply(q llmtest.Request, pace time.Duration) llmtest.Reply {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	used := llm.Usage{InputTokens: 10, CacheWriteTokens: int64(len(q.Body) / 2), OutputTokens: 400}
	if v.requests%5 == 0 {
		used.OutputTokens = int64(q.MaxTokens)
	}
	v.billed += spendPrice.Cost(used)
	if v.requests == 1 {
		close(v.asked)
		return llmtest.Reply{llmtest.Hang()}
	}
	reply := llmtest.Reply{llmtest.Usage(used), llmtest.Slow(pace), llmtest.Say(words(v.requests, 30)...)}
	if q.Turn() == 0 {
		reply = append(reply, llmtest.Call("list_files", map[string]any{}))
	}
	return reply
}

// Spend makes one trial on a fresh installation and judges it.
func Spend(ctx context.Context, t redistest.TB, o Options) (*Spent, error) {
	begun := time.Now()
	in, err := Install(t, o)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	v := &vendor{asked: make(chan struct{})}
	in.Model.answer(spend, func(q llmtest.Request) llmtest.Reply { return v.reply(q, o.Pace) })
	c, err := client.New(client.Options{URL: in.Servers[0].url, Key: in.Key, GiveUpAfter: patience})
	if err != nil {
		return nil, err
	}
	p, err := c.CreateProject(ctx, "Spending")
	if err != nil {
		return nil, err
	}
	for _, budget := range []map[string]any{
		{"scope": "PROJECT", "projectId": p.ID, "period": "TOTAL", "limit": money.Format(spendLimit)},
		{"scope": "INSTANCE", "period": "MONTH", "limit": money.Format(2 * spendLimit)},
	} {
		if err := c.Do(ctx, `mutation($i: SetBudgetInput!) { setBudget(input: $i) { budget { id } } }`, map[string]any{"i": budget}, &struct{}{}); err != nil {
			return nil, fmt.Errorf("set the budget: %w", err)
		}
	}
	s := &Spent{}
	watching, watched := context.WithCancel(ctx)
	var most sync.WaitGroup
	most.Go(func() { s.watch(watching, in) })
	err = s.disturb(ctx, in, c, p.ID, v.asked, rand.New(rand.NewPCG(uint64(o.Seed), 7)))
	watched()
	most.Wait()
	if err != nil {
		return s, err
	}
	s.Kills, s.Took, s.Requests, s.Billed = in.Kills(), time.Since(begun), v.requests, v.billed
	if err := s.judge(ctx, in, p.ID); err != nil {
		return s, err
	}
	if !s.Good() {
		keepLogs(in, o.Logf)
	}
	return s, nil
}

// disturb kills who has a call open, has all other runs ask, kills those who work on them,
// and waits for the end.
func (s *Spent) disturb(ctx context.Context, in *Installation, c *client.Client, project string, asked <-chan struct{}, random *rand.Rand) error {
	slots := in.working()
	deaths := make(chan string, spendKills)
	for i := range spendKills {
		point := spendPoints[random.IntN(len(spendPoints))]
		switch {
		case i == 0:
			point = faults.CallReserved
		case point != "":
			point = fmt.Sprintf("%s:%d", point, 1+random.IntN(8))
		}
		deaths <- point
	}
	close(deaths)
	ask := func(i int) error {
		if _, err := c.Send(ctx, client.Message{ProjectID: project, Text: fmt.Sprintf("%s %d", spend, i)}); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		return nil
	}
	if err := ask(0); err != nil {
		return err
	}
	select {
	case <-asked:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return errors.New("the vendor was never asked")
	}
	for _, slot := range slots {
		slot.Kill()
	}
	var asking sync.WaitGroup
	failures := make(chan error, spendCalls+len(slots))
	if in.o.SQLite { // the server that dies takes the messages too
		if err := slots[0].Start(""); err != nil {
			return err
		}
	}
	for i := range spendCalls - 1 {
		asking.Go(func() {
			if err := ask(i + 1); err != nil {
				failures <- err
			}
		})
	}
	if in.o.SQLite {
		asking.Wait()
	}
	for _, slot := range slots {
		asking.Go(func() {
			for point := range deaths {
				if err := slot.dieWithin(ctx, point, spendPatience); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	asking.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	if err := in.calm(ctx); err != nil {
		return err
	}
	return s.settle(ctx, in)
}

// dieWithin has the slot's next process die at a point, or soon.
func (s *Slot) dieWithin(ctx context.Context, fault string, limit time.Duration) error {
	if s.Running() {
		s.Kill()
	}
	if err := s.Start(fault); err != nil {
		return err
	}
	if fault == "" {
		limit = moment(300*time.Millisecond, 1500*time.Millisecond)
	}
	select {
	case <-s.current().done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(limit):
		s.Kill()
	}
	return nil
}

// settle waits until no run works any more: each has ended, or is paused.
func (s *Spent) settle(ctx context.Context, in *Installation) error {
	const working = "SELECT (SELECT COUNT(*) FROM runs WHERE state IN ('QUEUED', 'RUNNING')) + (SELECT COUNT(*) FROM reservations)"
	var left int
	for begun := time.Now(); time.Since(begun) < spendSettle; {
		if err := in.db.QueryRowContext(ctx, working).Scan(&left); err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	s.Wrong = append(s.Wrong, fmt.Sprintf("%d runs and calls have no end after %s", left, spendSettle))
	return nil
}

// watch looks all the time whether more is spent and reserved than there is.
func (s *Spent) watch(ctx context.Context, in *Installation) {
	const most = "SELECT COALESCE(MAX(s.spent + s.reserved), 0) FROM spendings s JOIN budgets b ON b.id = s.budget_id WHERE b.scope = 'PROJECT'"
	for ctx.Err() == nil {
		var now int64
		if in.db.QueryRowContext(ctx, most).Scan(&now) == nil {
			s.Most = max(s.Most, now)
		}
		_ = pause(ctx, 5*time.Millisecond)
	}
}

// judge reads the books by plain SQL.
func (s *Spent) judge(ctx context.Context, in *Installation, project string) error {
	wrong := func(format string, args ...any) { s.Wrong = append(s.Wrong, fmt.Sprintf(format, args...)) }
	read := func(into any, statement string, args ...any) error {
		if err := in.db.QueryRowContext(ctx, statement, args...).Scan(into); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		return nil
	}
	var recorded, unpriced, told int64
	var failed int
	for _, of := range []struct {
		into      any
		statement string
	}{
		{&recorded, "SELECT CAST(COALESCE(SUM(cost), 0) AS bigint) FROM usage_records WHERE project_id = $1"},
		{&s.Records, "SELECT COUNT(*) FROM usage_records WHERE project_id = $1"},
		{&s.Abandoned, "SELECT COUNT(*) FROM usage_records WHERE outcome = 'ABANDONED' AND project_id = $1"},
		{&unpriced, "SELECT COUNT(*) FROM usage_records WHERE cost IS NULL AND project_id = $1"},
		{&told, "SELECT COUNT(*) FROM events WHERE type = 'USAGE_RECORDED' AND stream_id = $1"},
		{&s.Succeeded, "SELECT COUNT(*) FROM runs WHERE state = 'SUCCEEDED' AND project_id = $1"},
		{&s.Paused, "SELECT COUNT(*) FROM runs WHERE state = 'PAUSED' AND project_id = $1"},
		{&failed, "SELECT COUNT(*) FROM runs WHERE state NOT IN ('SUCCEEDED', 'PAUSED') AND project_id = $1"},
	} {
		if err := read(of.into, of.statement, project); err != nil {
			return err
		}
	}
	err := query(ctx, in, "SELECT b.scope, b.limit_nano, CAST(SUM(s.spent) AS bigint), CAST(SUM(s.reserved) AS bigint) FROM spendings s JOIN budgets b ON b.id = s.budget_id GROUP BY b.id, b.scope, b.limit_nano", func(scan func(...any) error) error {
		var scope string
		var limit, spent, reserved int64
		if err := scan(&scope, &limit, &spent, &reserved); err != nil {
			return err
		}
		if scope == "PROJECT" {
			s.Spent = spent
		}
		if spent > limit {
			wrong("of the %s's budget of %s %s are spent", strings.ToLower(scope), money.Format(limit), money.Format(spent))
		}
		if spent != recorded {
			wrong("the %s's budget says %s are spent, the records %s", strings.ToLower(scope), money.Format(spent), money.Format(recorded))
		}
		if reserved != 0 {
			wrong("%s are reserved by nobody", money.Format(reserved))
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case s.Most > spendLimit:
		wrong("%s were spent and reserved at once", money.Format(s.Most))
	case s.Billed > s.Spent:
		wrong("the vendor bills %s, of which the ledger knows %s", money.Format(s.Billed), money.Format(s.Spent))
	case s.Records < s.Requests:
		wrong("the vendor was asked %d times, of which there are %d records", s.Requests, s.Records)
	case unpriced > 0:
		wrong("%d calls have no cost", unpriced)
	case int(told) != s.Records:
		wrong("%d records were told of by %d events", s.Records, told)
	case failed > 0 || s.Succeeded+s.Paused != spendCalls:
		wrong("of %d runs %d succeeded, %d are paused and %d are neither", spendCalls, s.Succeeded, s.Paused, failed)
	case s.Records == 0 || s.Kills == 0:
		wrong("nothing was tried")
	}
	return nil
}
