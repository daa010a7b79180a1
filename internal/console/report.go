package console

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/consoleentry"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// The limits of a report. What is longer in it is cut; only more entries are refused.
// Together the texts fit into an event of their own, also where each of their bytes is
// escaped.
const (
	MaxEntries = 100     // in one report
	maxText    = 8 << 10 // bytes
	maxStack   = 16 << 10
	maxURL     = 1 << 10
	maxAgent   = 512
	maxSession = 64
	maxNumber  = 1 << 30 // lines, columns and counts
	// keepMost is how many entries a project has: the oldest make room for new ones.
	keepMost = 5000
)

// Entry is one line of a console, as somebody has reported it.
type Entry struct {
	Level    enum.ConsoleLevel // LOG where it is none of the levels
	Text     string
	Stack    string
	URL      string
	Line     int
	Column   int
	Count    int // how many times in a row; 0 is once
	Uncaught bool
}

// Report is a batch of entries of one page.
type Report struct {
	Entries []Entry
	// Session is one for each load of a page. It and UserAgent may be empty.
	Session, UserAgent string
	// Dropped is how many more entries there were, which weren't sent.
	Dropped int
}

// ReportWithKey keeps a report of whoever has the key.
func (s *Service) ReportWithKey(ctx context.Context, key string, r Report) (int, error) {
	if err := s.Limit(ctx, "console-address", ""); err != nil {
		return 0, err
	}
	ctx = access.As(ctx, access.Console)
	projectID, err := projectOf(ctx, s.DB.Ent, key)
	if err != nil {
		return 0, err
	}
	return s.keep(ctx, projectID, r, nil)
}

// Report keeps a report of the viewer's, who needs the role EDITOR.
func (s *Service) Report(ctx context.Context, projectID string, r Report) (int, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return 0, err
	}
	if err := access.RequireRole(ctx, s.DB.Ent, projectID, enum.ProjectEditor); err != nil {
		return 0, err
	}
	return s.keep(access.As(ctx, access.Console), projectID, r, &stream.Actor{UserID: viewer.UserID})
}

// keep writes the entries and tells of them, and returns how many there are.
func (s *Service) keep(ctx context.Context, projectID string, r Report, by *stream.Actor) (int, error) {
	if len(r.Entries) > MaxEntries {
		return 0, problem.BadField("entries", "a report has at most %d entries; this has %d", MaxEntries, len(r.Entries))
	}
	if err := s.Limit(ctx, "console", projectID); err != nil {
		return 0, err
	}
	if r.Dropped > 0 {
		r.Entries = append(r.Entries, Entry{
			Level: enum.ConsoleWarn, Text: fmt.Sprintf("(%d more were written too fast to be reported)", min(r.Dropped, maxNumber)),
		})
	}
	if len(r.Entries) == 0 {
		return 0, nil
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		handle, err := access.StreamWriter(ctx, tx.Ent, projectID)
		if err != nil {
			return err
		}
		session, agent := clean(r.Session, maxSession), clean(r.UserAgent, maxAgent)
		creates := make([]*ent.ConsoleEntryCreate, len(r.Entries))
		for i, e := range r.Entries {
			creates[i] = e.create(tx.Ent).SetProjectID(projectID).SetSession(session).SetUserAgent(agent)
		}
		saved, err := tx.Ent.ConsoleEntry.CreateBulk(creates...).Save(ctx)
		if ent.IsConstraintError(err) {
			return problem.Missing("projectId", "project") // deleted meanwhile
		}
		if err != nil {
			return fmt.Errorf("keep entries of the console: %w", err)
		}
		if err := makeRoom(ctx, tx, projectID); err != nil {
			return err
		}
		drafts, err := stream.ConsoleDrafts(saved, by)
		if err != nil {
			return err
		}
		s.Log.Append(tx, handle, drafts...)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(r.Entries), nil
}

func (e Entry) create(c *ent.Client) *ent.ConsoleEntryCreate {
	level := e.Level
	if consoleentry.LevelValidator(level) != nil {
		level = enum.ConsoleLog
	}
	text, stack := clean(e.Text, maxText), clean(e.Stack, maxStack)
	create := c.ConsoleEntry.Create().SetLevel(level).SetText(text).SetStack(stack).SetURL(place(e.URL)).
		SetLine(number(e.Line, 0)).SetColumn(number(e.Column, 0)).SetCount(number(e.Count, 1)).SetUncaught(e.Uncaught)
	if level == enum.ConsoleError {
		create.SetFingerprint(fingerprint(text, stack))
	}
	return create
}

// makeRoom removes the oldest entries of a project that has too many.
func makeRoom(ctx context.Context, tx *store.Tx, projectID string) error {
	newest, err := tx.Ent.ConsoleEntry.Query().Where(consoleentry.ProjectID(projectID)).
		Order(ent.Desc(consoleentry.FieldID)).Offset(keepMost).Limit(1).IDs(ctx)
	if err != nil || len(newest) == 0 {
		return err
	}
	_, err = tx.Ent.ConsoleEntry.Delete().Where(consoleentry.ProjectID(projectID), consoleentry.IDLTE(newest[0])).Exec(ctx)
	return err
}

// clean makes text that databases keep and terminals don't obey, of so many bytes at most.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return -1
		case unicode.IsControl(r):
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), 2*most)], string(utf8.RuneError)))
	if len(text) <= most {
		return text
	}
	const mark = " … (cut)"
	most -= len(mark)
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + mark
}

// place is a URL without what is said to the server behind it, in which secrets are.
func place(url string) string {
	url, _, _ = strings.Cut(url, "#")
	url, _, _ = strings.Cut(url, "?")
	return clean(url, maxURL)
}

func number(n, least int) int { return max(least, min(n, maxNumber)) }
