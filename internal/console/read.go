package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/consoleentry"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/internal/problem"
)

// maxSearch is the longest text to search for, in characters.
const maxSearch = 120

// Filter is which entries of a project are meant. What is empty chooses nothing.
type Filter struct {
	Levels      []enum.ConsoleLevel
	Search      string // in the text, the stack or the URL, in any case
	Since       time.Time
	Fingerprint string
	Session     string
}

// Where makes the filter a part of a query, which narrows it to what its viewer may see.
func (f Filter) Where(projectID string) (predicate.ConsoleEntry, error) {
	if utf8.RuneCountInString(f.Search) > maxSearch || !utf8.ValidString(f.Search) || strings.Contains(f.Search, "\x00") {
		return nil, problem.BadField("search", "search for at most %d characters of valid UTF-8", maxSearch)
	}
	for field, value := range map[string]string{"fingerprint": f.Fingerprint, "session": f.Session} {
		if len(value) > maxSession || !utf8.ValidString(value) || strings.Contains(value, "\x00") {
			return nil, problem.BadField(field, "no entry has this %s", field)
		}
	}
	all := []predicate.ConsoleEntry{consoleentry.ProjectID(projectID)}
	if len(f.Levels) > 0 {
		all = append(all, consoleentry.LevelIn(f.Levels...))
	}
	if f.Search != "" {
		all = append(all, consoleentry.Or(consoleentry.TextContainsFold(f.Search), consoleentry.StackContainsFold(f.Search), consoleentry.URLContainsFold(f.Search)))
	}
	if !f.Since.IsZero() {
		all = append(all, consoleentry.CreatedAtGTE(f.Since.UTC()))
	}
	if f.Fingerprint != "" {
		all = append(all, consoleentry.Fingerprint(f.Fingerprint))
	}
	if f.Session != "" {
		all = append(all, consoleentry.Session(f.Session))
	}
	return consoleentry.And(all...), nil
}

// Entries are a project's newest, in the order in which they came.
func (s *Service) Entries(ctx context.Context, projectID string, f Filter, limit int) (found []*ent.ConsoleEntry, more bool, err error) {
	where, err := f.Where(projectID)
	if err != nil {
		return nil, false, err
	}
	found, err = s.DB.Ent.ConsoleEntry.Query().Where(where).Order(ent.Desc(consoleentry.FieldID)).Limit(limit + 1).All(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("read the console of %s: %w", projectID, err)
	}
	if more = len(found) > limit; more {
		found = found[:limit]
	}
	slices.Reverse(found)
	return found, more, nil
}

// Group is the errors of one fingerprint.
type Group struct {
	Fingerprint string
	// Count is how often it has happened, by what is still kept.
	Count int
	// First is its oldest entry, and Last its newest.
	First, Last *ent.ConsoleEntry
}

// Message is the first line of its newest entry.
func (g Group) Message() string {
	line, _, _ := strings.Cut(g.Last.Text, "\n")
	return line
}

// Groups are a project's errors, the one that happened last first: up to limit of those
// that come after the group whose newest entry has the id after.
func (s *Service) Groups(ctx context.Context, projectID string, f Filter, after string, limit int) (groups []*Group, more bool, err error) {
	where, err := f.Where(projectID)
	if err != nil {
		return nil, false, err
	}
	var found []struct {
		Fingerprint string `json:"fingerprint"`
		Times       int    `json:"times"`
		FirstID     string `json:"first_id"`
		LastID      string `json:"last_id"`
	}
	err = s.DB.Ent.ConsoleEntry.Query().Where(where, consoleentry.FingerprintNEQ("")).Modify(func(q *sql.Selector) {
		id := q.C(consoleentry.FieldID)
		q.SelectExpr(sql.Raw(q.C(consoleentry.FieldFingerprint)), sql.Raw("SUM("+q.C(consoleentry.FieldCount)+") AS times"),
			sql.Raw("MIN("+id+") AS first_id"), sql.Raw("MAX("+id+") AS last_id"))
		q.GroupBy(q.C(consoleentry.FieldFingerprint))
		if after != "" {
			q.Having(sql.P(func(b *sql.Builder) { b.WriteString("MAX(" + id + ") < ").Arg(after) }))
		}
		q.OrderExpr(sql.Raw("last_id DESC")).Limit(limit + 1)
	}).Scan(ctx, &found)
	if err != nil {
		return nil, false, fmt.Errorf("group the errors of %s: %w", projectID, err)
	}
	if more = len(found) > limit; more {
		found = found[:limit]
	}
	ids := make([]string, 0, 2*len(found))
	for _, g := range found {
		ids = append(ids, g.FirstID, g.LastID)
	}
	rows, err := s.DB.Ent.ConsoleEntry.Query().Where(consoleentry.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("read errors of %s: %w", projectID, err)
	}
	byID := make(map[string]*ent.ConsoleEntry, len(rows))
	for _, e := range rows {
		byID[e.ID] = e
	}
	for _, g := range found {
		first, last := byID[g.FirstID], byID[g.LastID]
		if first != nil && last != nil { // else it was swept meanwhile
			groups = append(groups, &Group{g.Fingerprint, g.Times, first, last})
		}
	}
	return groups, more, nil
}
