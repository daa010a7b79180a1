package server

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/usage"
)

// usageColumns are those of the export. New ones are added at the end.
var usageColumns = []string{
	"id", "created_at", "project_id", "run_id", "root_run_id", "conversation_id", "agent_id", "user_id", "step", "attempt",
	"provider", "model", "reason", "outcome", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
	"cost_usd", "price_as_of", "estimated", "latency_ms", "first_token_ms",
}

// flushEvery is after how many rows what there is goes out.
const flushEvery = 500

// usage writes a project's calls of models as CSV (RFC 4180), oldest first: those that
// began between the times "from" and "to", which are as in the API. It needs what
// reading the project needs.
func (s *Server) usage(w http.ResponseWriter, r *http.Request) {
	r, err := s.enter(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, db, id := r.Context(), s.options.DB.Ent, r.PathValue("project")
	if err := seesProject(r, db, id); err != nil {
		s.refuse(w, r, err)
		return
	}
	span, err := spanOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="usage-`+id+`.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	slow := http.NewResponseController(w)
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(usageColumns) // what fails is told by Error
	rows := 0
	for record, err := range usage.Records(ctx, db, span, usagerecord.ProjectID(id)) {
		if err != nil {
			s.options.Logger.ErrorContext(ctx, "an export of calls broke off", "project", id, "error", err)
			panic(http.ErrAbortHandler) // the client must not take what it has for the whole
		}
		_ = out.Write(usageRow(record))
		if rows++; rows%flushEvery == 0 {
			_ = slow.SetWriteDeadline(time.Now().Add(writeTimeout)) // for each part, however many there are
			out.Flush()
		}
		if out.Error() != nil {
			return // the client is gone
		}
	}
	out.Flush()
}

func seesProject(r *http.Request, db *ent.Client, id string) error {
	if _, err := access.RequireViewer(r.Context()); err != nil {
		return err
	}
	if relay.IDPrefix(id) != "prj" {
		return problem.Missing("projectId", "project")
	}
	_, err := db.Project.Get(r.Context(), id)
	if ent.IsNotFound(err) {
		return problem.Missing("projectId", "project")
	}
	return err
}

func spanOf(r *http.Request) (usage.Span, error) {
	times := map[string]*time.Time{}
	for _, name := range []string{"from", "to"} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, text); err != nil {
				return usage.Span{}, problem.BadField(name, "%s is a time as in RFC 3339, or a day: 2026-01-31", name)
			}
		}
		times[name] = &at
	}
	return usage.SpanOf(times["from"], times["to"], store.Now())
}

func usageRow(u *ent.UsageRecord) []string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	cost, first, conversation := "", "", ""
	if u.Cost != nil {
		cost = money.Format(*u.Cost)
	}
	if u.FirstToken != nil {
		first = number(*u.FirstToken)
	}
	if u.ConversationID != nil {
		conversation = *u.ConversationID
	}
	return []string{
		u.ID, u.CreatedAt.UTC().Format("2006-01-02T15:04:05.000000Z"), u.ProjectID, u.RunID, u.RootRunID, conversation, u.AgentID, u.UserID,
		strconv.Itoa(u.Step), strconv.Itoa(u.Attempt),
		harmless(u.Provider), harmless(u.Model), harmless(u.Reason), string(u.Outcome),
		number(u.InputTokens), number(u.CacheReadTokens), number(u.CacheWriteTokens), number(u.OutputTokens), number(u.ReasoningTokens),
		cost, u.PriceAsOf, strconv.FormatBool(u.Estimated), number(u.Latency), first,
	}
}

// harmless keeps spreadsheets from taking what people have chosen for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
