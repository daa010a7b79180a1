package server_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/server"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestCallsAreExported(t *testing.T) {
	t.Parallel()
	var db *store.DB
	b := setup(t, func(o *server.Options) { db = o.DB })
	p := storetest.Project(t, db, b.viewer, "P")
	r := storetest.Run(t, db, p, enum.RunSucceeded)
	ctx := storetest.Unchecked(context.Background())
	begun := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	var all []*ent.UsageRecordCreate
	for i := range 1100 { // more than two pages, many of one moment
		create := db.Ent.UsageRecord.Create().SetCreatedAt(begun.Add(time.Duration(i/7) * time.Second)).
			SetOrganisationID(p.OrganisationID).SetProjectID(p.ID).SetRunID(r.ID).SetRootRunID(r.ID).SetAgentID(r.AgentID).SetUserID(r.UserID).
			SetStep(0).SetAttempt(i).SetProvider("anthropic").SetModel("m").SetOutcome(enum.CallOK)
		if i == 0 {
			create.SetModel(`=HYPERLINK("http://evil","x")`).SetReason("one, two \"and\"\nthree").SetCost(1_500_000).SetFirstToken(20)
		}
		all = append(all, create)
	}
	require.NoError(t, db.Ent.UsageRecord.CreateBulk(all...).Exec(ctx))
	get := func(id, query string, header ...string) reply {
		return b.do(http.MethodGet, "/api/v1/projects/"+id+"/usage.csv"+query, "", append(header, "Authorization", "Bearer "+b.key)...)
	}

	answer := get(p.ID, "?from=2026-01-31&to=2026-02-01")
	require.Equal(t, http.StatusOK, answer.status, answer.raw)
	require.Equal(t, "text/csv; charset=utf-8; header=present", answer.header.Get("Content-Type"))
	require.Len(t, strings.Split(answer.raw, "\r\n"), 1+1100+1+1, "all lines end like that, also the one within a field")
	rows, err := csv.NewReader(strings.NewReader(answer.raw)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+1100)
	cell := func(row int, column string) string {
		for i, name := range rows[0] {
			if name == column {
				return rows[row][i]
			}
		}
		require.Fail(t, "no column", column)
		return ""
	}
	require.Equal(t, `'=HYPERLINK("http://evil","x")`, cell(1, "model"), "no spreadsheet takes it for a formula")
	require.Equal(t, "one, two \"and\"\nthree", cell(1, "reason"))
	require.Equal(t, []string{"0.0015", "20", "2026-01-31T12:00:00.000000Z"}, []string{cell(1, "cost_usd"), cell(1, "first_token_ms"), cell(1, "created_at")})
	require.Equal(t, []string{"", ""}, []string{cell(2, "cost_usd"), cell(2, "first_token_ms")})
	seen := map[string]bool{}
	for i := range 1100 {
		require.Equal(t, fmt.Sprint(i), cell(i+1, "attempt"), "in their order")
		seen[cell(i+1, "id")] = true
	}
	require.Len(t, seen, 1100)
	require.Equal(t, 2, strings.Count(get(p.ID, "?from=2026-01-31T12:00:01Z&to=2026-01-31T12:00:01.000001Z").raw, "\r\n")-6)

	require.Equal(t, http.StatusBadRequest, get(p.ID, "?from=yesterday").status)
	require.Equal(t, http.StatusBadRequest, get(p.ID, "?from=2026-02-01&to=2026-02-01").status)
	for _, id := range []string{"prj_0123456789abcdefghjkmnpqrs", "x", "%00"} {
		require.Equal(t, http.StatusNotFound, get(id, "").status, id)
	}
	other := storetest.Project(t, db, storetest.User(t, db, "bob@example.com"), "Q")
	require.Equal(t, http.StatusNotFound, get(other.ID, "").status, "another's project is none")
	require.Equal(t, http.StatusUnauthorized, b.do(http.MethodGet, "/api/v1/projects/"+p.ID+"/usage.csv", "").status)
	require.Equal(t, http.StatusMethodNotAllowed, b.do(http.MethodPost, "/api/v1/projects/"+p.ID+"/usage.csv", "").status)
}
