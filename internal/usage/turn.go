package usage

import (
	"context"
	"fmt"
	"sync"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/budget"
)

// turns orders this process's transactions on the same budgets before they begin. The
// budgets' rows order them too, but a transaction that waits there holds its run's row
// and a connection meanwhile: with many runs under one budget nobody could renew their
// leases.
type turns struct {
	mu    sync.Mutex
	taken map[string]*turn // by the budget's id
}

type turn struct {
	token chan struct{} // full while somebody has it
	users int           // who have it or wait for it
}

// Turn waits until no other transaction of this process is on the account's budgets; end
// it after the transaction.
func (l *Ledger) Turn(ctx context.Context, c *ent.Client, a Account) (end func(), err error) {
	ids, err := c.Budget.Query().Where(budget.SubjectIn(a.subjects()...)).Order(ent.Asc(budget.FieldID)).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for budgets: %w", err)
	}
	return l.turns.take(ctx, ids)
}

// take takes the turns of ids, which are in the order in which all take them.
func (t *turns) take(ctx context.Context, ids []string) (end func(), err error) {
	var mine []string
	end = func() {
		for _, id := range mine {
			t.leave(id, true)
		}
	}
	for _, id := range ids {
		select {
		case t.join(id).token <- struct{}{}:
			mine = append(mine, id)
		case <-ctx.Done():
			t.leave(id, false)
			end()
			return nil, context.Cause(ctx)
		}
	}
	return end, nil
}

func (t *turns) join(id string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken == nil {
		t.taken = map[string]*turn{}
	}
	one := t.taken[id]
	if one == nil {
		one = &turn{token: make(chan struct{}, 1)}
		t.taken[id] = one
	}
	one.users++
	return one
}

func (t *turns) leave(id string, had bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.taken[id]
	if had {
		<-one.token
	}
	if one.users--; one.users == 0 {
		delete(t.taken, id)
	}
}
