package fanout

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// rightsTimeout bounds one question about rights.
const rightsTimeout = 10 * time.Second

// check sees to it that rights are checked while there are groups. The lock is held.
func (f *Fanout) check() {
	switch {
	case f.cfg.MayRead == nil:
	case len(f.groups) == 0 && f.stopChecking != nil:
		f.stopChecking()
		f.stopChecking = nil
	case len(f.groups) > 0 && f.stopChecking == nil:
		ctx, cancel := context.WithCancel(context.Background())
		f.stopChecking = cancel
		f.running.Go(func() { f.keepChecking(ctx) })
	}
}

func (f *Fanout) keepChecking(ctx context.Context) {
	ticker := time.NewTicker(f.cfg.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.checkRights(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// checkRights asks once for each person and project, however many members that is, and
// ends the subscriptions of those who may not read the project any more.
func (f *Fanout) checkRights(ctx context.Context) {
	f.mu.Lock()
	groups := make([]*group, 0, len(f.groups))
	for _, g := range f.groups {
		groups = append(groups, g)
	}
	f.mu.Unlock()
	asked := map[access.LogReader]struct{}{}
	var all []access.LogReader
	for _, g := range groups {
		g.mu.Lock()
		for user := range g.users {
			reader := access.LogReader{ProjectID: g.project, UserID: user}
			if _, twice := asked[reader]; !twice {
				asked[reader] = struct{}{}
				all = append(all, reader)
			}
		}
		g.mu.Unlock()
	}
	within, cancel := context.WithTimeout(ctx, rightsTimeout)
	defer cancel()
	allowed, err := f.cfg.MayRead(within, all)
	if err != nil {
		if ctx.Err() == nil {
			f.cfg.Logger.WarnContext(ctx, "the rights to subscriptions could not be checked", "readers", len(all), "error", err)
		}
		return
	}
	for reader := range asked {
		if allowed[reader] {
			delete(asked, reader)
		}
	}
	if len(asked) == 0 {
		return
	}
	for _, g := range groups {
		for _, m := range g.without(asked) {
			m.fail(g.present(m.ctx, problem.Missing("projectId", "project")))
		}
	}
}

// without are the members who have lost the right to read.
func (g *group) without(lost map[access.LogReader]struct{}) (members []*Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for user := range g.users {
		if _, any := lost[access.LogReader{ProjectID: g.project, UserID: user}]; !any {
			continue
		}
		for m := range g.members {
			if m.user == user {
				members = append(members, m)
			}
		}
	}
	return members
}
