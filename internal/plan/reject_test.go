package plan

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

// Why a plan was rejected stands in the conversation where no call waits to be told: for the
// manager's run while that goes on, and after its end for the next one.
func TestWhyAPlanWasRejectedIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ada := storetest.User(t, db, "ada@example.com")
		project := storetest.Project(t, db, ada, "Site")
		unchecked, logger := storetest.Unchecked(t.Context()), slog.New(slog.DiscardHandler)
		log := stream.NewLog(db, memory.New(), logger)
		s := New(Options{DB: db, Log: log, Runs: run.NewControl(log, nil), Logger: logger})
		for _, state := range []enum.RunState{enum.RunRunning, enum.RunSucceeded} {
			r := storetest.Run(t, db, project, state)
			p, err := db.Ent.Plan.Create().SetProjectID(project.ID).SetRunID(r.ID).SetUserID(r.UserID).SetSummary("x").SetState(enum.PlanProposed).
				SetCallID("tcl_answered").Save(unchecked)
			require.NoError(t, err)
			_, err = s.Reject(access.WithViewer(t.Context(), ada), p.ID, "not today")
			require.NoError(t, err)
			m, err := db.Ent.Message.Query().Where(message.ConversationID(r.ConversationID), message.Position(1)).Only(unchecked)
			require.NoError(t, err)
			require.Equal(t, "The plan was rejected, and nothing of it was begun. The reason: not today", m.Text)
			require.Equal(t, []any{enum.RoleUser, &ada.UserID}, []any{m.Role, m.AuthorID})
			r, err = db.Ent.Run.Get(unchecked, r.ID)
			require.NoError(t, err)
			if state.Ended() {
				require.Nil(t, m.RunID)
			} else {
				require.Equal(t, &r.ID, m.RunID)
			}
			require.Equal(t, !state.Ended(), r.SteerRequested)
		}
	})
}
