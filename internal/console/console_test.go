package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type testBundle struct {
	*console.Service
	db      *store.DB
	log     *stream.Log
	owner   context.Context
	project *ent.Project
	limits  []string // what was asked
	refuse  error
}

func setup(t *testing.T, db *store.DB) *testBundle {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	b := &testBundle{db: db, log: stream.NewLog(db, memory.New(), logger)}
	b.Service = console.New(console.Options{DB: db, Log: b.log, Logger: logger, Limit: func(_ context.Context, name, key string) error {
		b.limits = append(b.limits, name+" "+key)
		return b.refuse
	}})
	ada := storetest.User(t, db, "ada@example.com")
	b.owner = access.WithViewer(t.Context(), ada)
	b.project = storetest.Project(t, db, ada, "P")
	return b
}

func (b *testBundle) key(t *testing.T) string {
	t.Helper()
	k, err := b.Rotate(b.owner, b.project.ID)
	require.NoError(t, err)
	return k.Key
}

func (b *testBundle) entries(t *testing.T, f console.Filter) (texts []string) {
	t.Helper()
	found, _, err := b.Entries(b.owner, b.project.ID, f, 1000)
	require.NoError(t, err)
	for _, e := range found {
		texts = append(texts, e.Text)
	}
	return texts
}

func (b *testBundle) events(t *testing.T) (all []stream.ConsolePayload) {
	t.Helper()
	h, err := access.StreamReader(b.owner, b.db.Ent, b.project.ID)
	require.NoError(t, err)
	events, err := b.log.Read(b.owner, h, 0, 1000)
	require.NoError(t, err)
	for i, e := range events {
		require.EqualValues(t, i+1, e.Seq)
		require.Equal(t, enum.EventConsoleOutput, e.Type)
		require.LessOrEqual(t, len(e.Payload), 60<<10)
		var p stream.ConsolePayload
		require.NoError(t, json.Unmarshal(e.Payload, &p))
		all = append(all, p)
	}
	return all
}

func failed(message, stack string) console.Entry {
	return console.Entry{Level: enum.ConsoleError, Text: message, Stack: stack, Uncaught: true}
}

func TestWhoHasTheKeyReportsAndNothingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		key := b.key(t)
		kept, err := b.ReportWithKey(t.Context(), key, console.Report{Session: "s1", UserAgent: "Browser/1", Dropped: 7, Entries: []console.Entry{
			{Level: "nonsense", Text: "hello\r\n\x1b[31mred\x00", URL: "https://app.example/a?token=secret#x", Line: -3, Column: 1 << 40, Count: 4},
			failed("TypeError: x is undefined", "TypeError: x is undefined\n    at f (https://app.example/app.js:1:2)"),
		}})
		require.NoError(t, err)
		require.Equal(t, 3, kept)
		require.Equal(t, []string{"console-address ", "console " + b.project.ID}, b.limits)

		found, more, err := b.Entries(b.owner, b.project.ID, console.Filter{}, 10)
		require.NoError(t, err)
		require.False(t, more)
		require.Len(t, found, 3)
		first := found[0]
		require.Equal(t, enum.ConsoleLog, first.Level)
		require.Equal(t, "hello\n\uFFFD[31mred\uFFFD", first.Text)
		require.Equal(t, "https://app.example/a", first.URL, "what is said to the server may be secret")
		require.Equal(t, []int{0, 1 << 30, 4}, []int{first.Line, first.Column, first.Count})
		require.Equal(t, []string{"s1", "Browser/1", ""}, []string{first.Session, first.UserAgent, first.Fingerprint})
		require.True(t, found[1].Uncaught)
		require.NotEmpty(t, found[1].Fingerprint)
		require.Contains(t, found[2].Text, "7 more")

		events := b.events(t)
		require.Len(t, events, 1)
		require.Nil(t, events[0].Actor)
		require.Len(t, events[0].Entries, 3)
		require.Equal(t, first.ID, events[0].Entries[0].ID)
		require.Equal(t, first.CreatedAt.UTC(), events[0].Entries[0].CreatedAt.UTC(), "an event reads the same live and replayed")

		other := b.key(t)
		for _, wrong := range []string{key, "", "zbc_", "zbc_" + strings.Repeat("x", 1000), b.project.ID} {
			_, err = b.ReportWithKey(t.Context(), wrong, console.Report{Entries: []console.Entry{{Text: "x"}}})
			require.True(t, problem.Is(err, problem.Unauthenticated), wrong)
		}
		require.NoError(t, b.Revoke(b.owner, b.project.ID))
		_, err = b.ReportWithKey(t.Context(), other, console.Report{Entries: []console.Entry{{Text: "x"}}})
		require.True(t, problem.Is(err, problem.Unauthenticated))
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.key(t)
		eve, guest := storetest.User(t, db, "eve@example.com"), storetest.User(t, db, "guest@example.com")
		require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(guest.UserID).
			SetRole(enum.ProjectViewer).Exec(storetest.Unchecked(t.Context())))
		one := console.Report{Entries: []console.Entry{failed("boom", "")}}
		_, err := b.Report(b.owner, b.project.ID, one)
		require.NoError(t, err)
		require.NotEmpty(t, b.events(t)[0].Actor.UserID)
		for viewer, code := range map[access.Viewer]problem.Code{eve: problem.NotFound, guest: problem.Forbidden} {
			ctx := access.WithViewer(t.Context(), viewer)
			_, err := b.Report(ctx, b.project.ID, one)
			require.True(t, problem.Is(err, code), err)
			_, err = b.Rotate(ctx, b.project.ID)
			require.True(t, problem.Is(err, code), err)
			require.True(t, problem.Is(b.Revoke(ctx, b.project.ID), code))
			require.True(t, problem.Is(b.Clear(ctx, b.project.ID), code))
			found, _, err := b.Entries(ctx, b.project.ID, console.Filter{}, 10)
			require.NoError(t, err)
			groups, _, err := b.Groups(ctx, b.project.ID, console.Filter{}, "", 10)
			require.NoError(t, err)
			keys, err := db.Ent.ConsoleKey.Query().Count(ctx)
			require.NoError(t, err)
			seen := 0
			if viewer == guest {
				seen = 1
			}
			require.Equal(t, []int{seen, seen, seen}, []int{len(found), len(groups), keys})
		}
		_, err = b.Report(t.Context(), b.project.ID, one)
		require.True(t, problem.Is(err, problem.Unauthenticated))
	})
}

func TestEqualStacksAreOneError(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		const v8 = "TypeError: %s\n    at f (%s/assets/index-%s.js:10:5)\n    at async g (%[2]s/assets/index-%[3]s.js:20:7)\n    at %[2]s/assets/index-%[3]s.js:1:1"
		same := []console.Entry{
			failed("TypeError: user 1 is gone", fmt.Sprintf(v8, "user 1 is gone", "https://a.example", "B4fQ2x1z")),
			failed("TypeError: user 2 is gone", fmt.Sprintf(v8, "user 2 is gone", "http://127.0.0.1:8080", "Zz81_abc")),
			// Firefox and Safari write it differently.
			failed("TypeError: user 3 is gone", "f@https://a.example/assets/index-B4fQ2x1z.js:10:5\ng@https://a.example/assets/index-B4fQ2x1z.js:20:7\n@https://a.example/assets/index-B4fQ2x1z.js:1:1"),
		}
		same[1].Count = 5
		others := []console.Entry{
			failed("RangeError: user 1 is gone", strings.Replace(same[0].Stack, "TypeError", "RangeError", 1)),
			failed("TypeError: user 1 is gone", strings.Replace(same[0].Stack, ":10:5", ":11:5", 1)),
			failed("could not load https://a.example/1.png", ""),
			failed("order 0a1b2c3d4e failed after 17 ms", ""),
		}
		all := append(append([]console.Entry{}, same...), others...)
		all = append(all, failed("could not load https://b.example/2.png", ""), failed("order ffff2c3d4e failed after 9 ms", ""), console.Entry{Level: enum.ConsoleWarn, Text: "no error"})
		_, err := b.Report(b.owner, b.project.ID, console.Report{Entries: all})
		require.NoError(t, err)

		groups, more, err := b.Groups(b.owner, b.project.ID, console.Filter{}, "", 10)
		require.NoError(t, err)
		require.False(t, more)
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprint(g.Count, " ", g.Message()))
		}
		require.Equal(t, []string{
			"2 order ffff2c3d4e failed after 9 ms", "2 could not load https://b.example/2.png",
			"1 TypeError: user 1 is gone", "1 RangeError: user 1 is gone", "7 TypeError: user 3 is gone",
		}, got)
		last := groups[len(groups)-1]
		require.Equal(t, "TypeError: user 1 is gone", last.First.Text)
		require.Len(t, b.entries(t, console.Filter{Fingerprint: last.Fingerprint}), 3)

		var walked []*console.Group
		for after := ""; ; after = walked[len(walked)-1].Last.ID {
			page, more, err := b.Groups(b.owner, b.project.ID, console.Filter{}, after, 2)
			require.NoError(t, err)
			walked = append(walked, page...)
			if !more {
				break
			}
		}
		require.Len(t, walked, len(groups))
		found, _, err := b.Groups(b.owner, b.project.ID, console.Filter{Search: "RANGEerror"}, "", 10)
		require.NoError(t, err)
		require.Len(t, found, 1)
	})
}

func TestEntriesAreFound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		_, err := b.Report(b.owner, b.project.ID, console.Report{Session: "one", Entries: []console.Entry{
			{Level: enum.ConsoleDebug, Text: "50% of it"}, {Level: enum.ConsoleInfo, Text: "Ready", URL: "https://a/page.html"},
		}})
		require.NoError(t, err)
		time.Sleep(2 * time.Millisecond)
		later := store.Now()
		_, err = b.Report(b.owner, b.project.ID, console.Report{Session: "two", Entries: []console.Entry{{Level: enum.ConsoleWarn, Text: "50 of it"}}})
		require.NoError(t, err)
		require.Equal(t, []string{"50% of it", "Ready", "50 of it"}, b.entries(t, console.Filter{}))
		require.Equal(t, []string{"50% of it"}, b.entries(t, console.Filter{Search: "50% OF"}))
		require.Equal(t, []string{"Ready"}, b.entries(t, console.Filter{Search: "page.html"}))
		require.Equal(t, []string{"50% of it", "50 of it"}, b.entries(t, console.Filter{Levels: []enum.ConsoleLevel{enum.ConsoleDebug, enum.ConsoleWarn}}))
		require.Equal(t, []string{"50 of it"}, b.entries(t, console.Filter{Since: later}))
		require.Equal(t, []string{"50 of it"}, b.entries(t, console.Filter{Session: "two"}))
		for field, f := range map[string]console.Filter{
			"search": {Search: strings.Repeat("x", 121)}, "fingerprint": {Fingerprint: "\xff"}, "session": {Session: "\x00"},
		} {
			_, _, err := b.Entries(b.owner, b.project.ID, f, 1)
			require.Equal(t, field, problem.As(err).Field)
		}
	})
}

func TestWhatIsTooMuchIsCutOrRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		_, err := b.Report(b.owner, b.project.ID, console.Report{Entries: make([]console.Entry, console.MaxEntries+1)})
		require.Equal(t, "entries", problem.As(err).Field)
		kept, err := b.Report(b.owner, b.project.ID, console.Report{})
		require.NoError(t, err)
		require.Zero(t, kept)
		require.Empty(t, b.events(t))

		// What JSON escapes most, and text that is cut within a letter.
		worst := console.Entry{Level: enum.ConsoleError, Text: strings.Repeat(`"`, 20<<10), Stack: strings.Repeat("\u2028", 10<<10), URL: strings.Repeat("\\", 5<<10)}
		_, err = b.Report(b.owner, b.project.ID, console.Report{UserAgent: strings.Repeat("ü", 1000), Session: strings.Repeat("s", 100), Entries: []console.Entry{worst, worst, {Text: "\xff" + strings.Repeat("é", 5000)}}})
		require.NoError(t, err)
		found, _, err := b.Entries(b.owner, b.project.ID, console.Filter{}, 10)
		require.NoError(t, err)
		for _, e := range found {
			for text, most := range map[string]int{e.Text: 8 << 10, e.Stack: 16 << 10, e.URL: 1 << 10, e.UserAgent: 512, e.Session: 64} {
				require.LessOrEqual(t, len(text), most)
				require.True(t, utf8.ValidString(text))
			}
		}
		require.Len(t, b.events(t), 2, "each event within its size")

		b.refuse = problem.New(problem.RateLimited, "too often")
		_, err = b.Report(b.owner, b.project.ID, console.Report{Entries: []console.Entry{{Text: "x"}}})
		require.ErrorIs(t, err, b.refuse)
		_, err = b.ReportWithKey(t.Context(), "zbc_x", console.Report{})
		require.ErrorIs(t, err, b.refuse, "before anybody looks for the key")
	})
}

func TestOldEntriesMakeRoom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		n := 0
		for range 51 {
			r := console.Report{}
			for range console.MaxEntries {
				r.Entries = append(r.Entries, console.Entry{Text: fmt.Sprint(n)})
				n++
			}
			_, err := b.Report(b.owner, b.project.ID, r)
			require.NoError(t, err)
		}
		count, err := db.Ent.ConsoleEntry.Query().Count(b.owner)
		require.NoError(t, err)
		require.Equal(t, 5000, count)
		require.Equal(t, "5099", b.entries(t, console.Filter{})[999])
	})
}

func TestOldEntriesAreGoneFromTheLogToo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		say := func(text string) {
			_, err := b.Report(b.owner, b.project.ID, console.Report{Entries: []console.Entry{{Text: text}}})
			require.NoError(t, err)
		}
		say("old")
		time.Sleep(2 * time.Millisecond)
		middle := time.Now()
		time.Sleep(2 * time.Millisecond)
		say("new")
		require.NoError(t, b.Sweep(t.Context(), middle.Add(-time.Hour)))
		require.Equal(t, []string{"old", "new"}, b.entries(t, console.Filter{}))
		require.NoError(t, b.Sweep(t.Context(), middle))
		require.Equal(t, []string{"new"}, b.entries(t, console.Filter{}))
		events := b.events(t)
		require.Len(t, events, 2, "the log has no gap")
		require.Empty(t, events[0].Entries)
		require.Equal(t, "new", events[1].Entries[0].Text)

		require.NoError(t, b.Clear(b.owner, b.project.ID))
		require.Empty(t, b.entries(t, console.Filter{}))
		events = b.events(t)
		require.Len(t, events, 3)
		require.Empty(t, events[1].Entries)
		require.True(t, events[2].Cleared)
	})
}

func TestAReportOfADeletedProjectIsNotFound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		key := b.key(t)
		require.NoError(t, db.Ent.Project.DeleteOneID(b.project.ID).Exec(storetest.Unchecked(t.Context())))
		_, err := b.ReportWithKey(t.Context(), key, console.Report{Entries: []console.Entry{{Text: "x"}}})
		require.True(t, problem.Is(err, problem.Unauthenticated), "its key went with it")
	})
}

func TestTheScriptIsSmall(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, len(console.Script()), 2048)
	require.NotContains(t, console.Script(), "//", "no comments go out")
	require.True(t, strings.HasPrefix(console.Script(), "(function("))
}
