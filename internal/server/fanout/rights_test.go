package fanout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
)

// sameForAll compares what the viewers are told together with what each is told alone:
// the events that are there, replayed, and those that follow, live.
func (a *api) sameForAll(t *testing.T, d document, before int) {
	t.Helper()
	listeners := map[string]*listener{}
	for name, v := range a.viewers {
		listeners[name] = a.listen(t, v, d)
		require.NotNil(t, listeners[name], "%s is not shared", d.query)
		defer listeners[name].leave()
	}
	a.append(t)
	all := before + d.wanted
	for name, l := range listeners {
		require.Eventually(t, l.has(all), patience, time.Millisecond, "%s: %s", name, d.query)
		require.Equal(t, a.alone(t, a.viewers[name], d, all), l.told, "%s: %s", name, d.query)
	}
}

const all = `__typename cursor seq at type
	... on ProjectUpdated { project { __typename id name description createdAt updatedAt } }
	... on MessageAdded { message { __typename id role status text demo createdAt completedAt } }
	... on MessageDelta { messageId runId offset text }
	... on MessageCompleted { message { __typename id role status text demo createdAt completedAt } }
	... on RunStateChanged { state run { __typename id state model waitsUntil waitsFor step
		createdAt startedAt finishedAt error deadlineAt cancelRequested pauseRequested } }
	... on ToolCallStarted { toolCall { __typename id name input output state createdAt startedAt finishedAt } }
	... on ToolCallOutput { text toolCall { id output } }
	... on ToolCallFinished { toolCall { ... on Node { id } name } }
	... on FileChanged { path change revision }
	... on StreamReset { reason }`

func TestWhatIsSharedIsByteForByteWhatEachIsToldAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := newAPI(t, db)
		events := a.append(t)
		id := map[string]any{"p": a.project.ID, "r": a.run.ID, "yes": true, "no": false}
		times := 1
		for _, d := range []document{
			{`subscription($p: ID!) { projectEvents(projectId: $p, after: "start") { ` + all + ` } }`, id, events},
			{`subscription($r: ID!) { other: runEvents(runId: $r, after: "start") { ` + all + ` } }`, id, 7},
			{`subscription($p: ID!) { projectEvents(projectId: $p, after: "start", types: [MESSAGE_DELTA, MESSAGE_COMPLETED, MESSAGE_DELTA]) { ` + all + ` } }`, id, 2},
			{`subscription Named($p: ID!, $yes: Boolean!, $no: Boolean!) { ...Root }
				fragment Root on Subscription { e: projectEvents(projectId: $p, after: "start") { ...Some ...More @include(if: $no) actor @skip(if: $yes) { __typename } } }
				fragment Some on ProjectEvent { a: cursor b: seq ... @include(if: $yes) { seq at } }
				fragment More on ProjectEvent { actor { __typename } type }`, id, events},
		} {
			a.sameForAll(t, d, times*d.wanted)
			times++
		}
		require.Positive(t, a.fanout.Stats().Fallbacks, "the large message")
		a.fanout.Wait()
	})
}

// TestEachFieldIsSharedWithoutADifferenceOrNotAtAll asks for every field that can be
// reached in two steps from an event, one at a time.
func TestEachFieldIsSharedWithoutADifferenceOrNotAtAll(t *testing.T) {
	t.Parallel()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: zeblit.SDL})
	require.NoError(t, err)
	a := newAPI(t, storetest.SQLite(t))
	events := a.append(t)
	shared, alone := 0, 0
	for _, kind := range schema.GetPossibleTypes(schema.Types["ProjectEvent"]) {
		for _, selection := range selections(schema, kind, 2) {
			d := document{fmt.Sprintf(`subscription($p: ID!) { projectEvents(projectId: $p, after: "start") { ... on %s { %s } } }`,
				kind.Name, selection), map[string]any{"p": a.project.ID}, events}
			told := map[string][]string{}
			for name, v := range a.viewers {
				told[name] = a.alone(t, v, d, events)
			}
			for name, v := range a.viewers {
				l := a.listen(t, v, d)
				if l == nil {
					alone++
					continue
				}
				shared++
				require.Eventually(t, l.has(events), patience, time.Millisecond, d.query)
				require.Equal(t, told[name], l.told, "%s: %s", name, d.query)
				l.leave()
			}
		}
	}
	require.Greater(t, shared, 200)
	require.Greater(t, alone, 100)
	a.fanout.Wait()
}

// selections are all selections of one field of a type, down to so many levels.
func selections(schema *ast.Schema, d *ast.Definition, levels int) (out []string) {
	for _, f := range d.Fields {
		of := schema.Types[f.Type.Name()]
		name := f.Name
		for _, argument := range f.Arguments {
			if values := schema.Types[argument.Type.Name()].EnumValues; argument.Type.NonNull && len(values) > 0 {
				name += "(" + argument.Name + ": " + values[0].Name + ")"
			} else if argument.Type.NonNull {
				name += "(" + argument.Name + `: "a")`
			}
		}
		switch {
		case strings.HasPrefix(f.Name, "__"):
		case of.IsLeafType():
			out = append(out, name)
		case levels == 1:
			out = append(out, name+" { __typename }")
		case of.IsAbstractType():
			for _, possible := range schema.GetPossibleTypes(of) {
				for _, below := range selections(schema, possible, levels-1) {
					out = append(out, name+" { ... on "+possible.Name+" { "+below+" } }")
				}
			}
		default:
			for _, below := range selections(schema, of, levels-1) {
				out = append(out, name+" { "+below+" }")
			}
		}
	}
	return out
}

func TestAResetIsTheSameForAll(t *testing.T) {
	t.Parallel()
	a := newAPI(t, storetest.SQLite(t))
	a.append(t)
	d := document{query: `subscription($p: ID!, $after: Cursor) { projectEvents(projectId: $p, after: $after, types: []) { __typename seq cursor type ... on StreamReset { reason } } }`,
		variables: map[string]any{"p": a.project.ID, "after": stream.CursorAt(a.project.ID, 1000)}}
	live := a.listen(t, a.viewers["owner"], document{query: d.query, variables: map[string]any{"p": a.project.ID}})
	defer live.leave()
	for name, v := range a.viewers {
		l := a.listen(t, v, d)
		require.Eventually(t, l.has(1), patience, time.Millisecond)
		require.Equal(t, a.alone(t, v, d, 1), l.told, name)
		l.leave()
	}
	require.Empty(t, live.told, "a reset is for whoever needs it")
	require.EqualValues(t, 1, a.fanout.Stats().Groups, "the cursor is no part of what they watch")
}

func TestARevokedMemberIsToldAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := newAPI(t, db)
		d := document{query: `subscription($p: ID!) { projectEvents(projectId: $p) { seq } }`, variables: map[string]any{"p": a.project.ID}}
		listeners := map[string]*listener{}
		for name, v := range a.viewers {
			listeners[name] = a.listen(t, v, d)
			defer listeners[name].leave()
		}
		events := a.append(t)
		for _, l := range listeners {
			require.Eventually(t, l.has(events), patience, time.Millisecond)
		}
		_, err := db.Ent.Membership.Update().Where(membership.UserID(a.viewers["viewer"].UserID)).SetRole(enum.ProjectEditor).
			Save(storetest.Unchecked(t.Context()))
		require.NoError(t, err, "another role may read too")
		a.append(t)
		for _, l := range listeners {
			require.Eventually(t, l.has(2*events), patience, time.Millisecond)
		}
		_, err = db.Ent.Membership.Delete().Where(membership.UserID(a.viewers["viewer"].UserID)).Exec(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return listeners["viewer"].code() == "NOT_FOUND" }, patience, time.Millisecond)
		a.append(t)
		require.Eventually(t, listeners["owner"].has(3*events), patience, time.Millisecond)
		require.Eventually(t, listeners["API key"].has(3*events), patience, time.Millisecond)
		require.Len(t, listeners["viewer"].told, 2*events)
	})
}

func TestWhoMayNotSubscribeIsRefusedAsWithoutSharing(t *testing.T) {
	t.Parallel()
	a := newAPI(t, storetest.SQLite(t))
	eve := storetest.User(t, a.db, "eve@example.com")
	for code, try := range map[string]struct {
		ctx   context.Context
		after string
	}{
		"NOT_FOUND":       {access.WithViewer(t.Context(), eve), "start"},
		"UNAUTHENTICATED": {t.Context(), "start"},
		"BAD_USER_INPUT":  {access.WithViewer(t.Context(), a.viewers["owner"]), "nonsense"},
	} {
		d := document{query: `subscription($p: ID!, $after: Cursor) { projectEvents(projectId: $p, after: $after) { seq } }`,
			variables: map[string]any{"p": a.project.ID, "after": try.after}}
		offered, offer := share.WithOffer(try.ctx)
		responses, ctx := a.begin(t, offered, d)
		with := responses(ctx)
		require.Nil(t, offer.Taken())
		responses, ctx = a.begin(t, try.ctx, d)
		require.Equal(t, responses(ctx).Errors.Error(), with.Errors.Error())
		require.Equal(t, code, with.Errors[0].Extensions["code"])
	}
}

func TestADatabaseThatIsSetBackIsOneResetForEachMember(t *testing.T) {
	t.Parallel()
	a := newAPI(t, storetest.SQLite(t))
	d := document{query: `subscription($p: ID!) { projectEvents(projectId: $p, after: "start") { __typename seq } }`, variables: map[string]any{"p": a.project.ID}}
	events := a.append(t)
	listeners := map[string]*listener{}
	for name, v := range a.viewers {
		listeners[name] = a.listen(t, v, d)
		defer listeners[name].leave()
		require.Eventually(t, listeners[name].has(events), patience, time.Millisecond)
	}
	for _, query := range []string{"DELETE FROM events WHERE stream_id = $1 AND seq > 3", "UPDATE streams SET head = 3 WHERE id = $1"} {
		_, err := a.db.SQL.ExecContext(t.Context(), query, a.project.ID)
		require.NoError(t, err)
	}
	for _, l := range listeners {
		require.Eventually(t, l.has(events+1), patience, time.Millisecond)
	}
	a.append(t)
	late := a.listen(t, a.viewers["owner"], d)
	defer late.leave()
	require.Eventually(t, late.has(3+events), patience, time.Millisecond)
	for name, l := range listeners {
		require.Eventually(t, l.has(events+1+events), patience, time.Millisecond)
		require.Equal(t, `{"data":{"projectEvents":{"__typename":"StreamReset","seq":3}}}`, l.told[events])
		require.Equal(t, a.alone(t, a.viewers[name], d, 3+events)[3:], l.told[events+1:])
	}
}
