package app_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/store"
)

// What was taken out of the context counts for nothing, however much of it there is.
func TestAForkOfAMuchEditedConversationIsWhole(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s, project, _ := talking(t, cfg)
		_, talk := s.say(t, object{"projectId": project, "text": "please write a"})
		const added = 5200
		last := inDatabase(t, cfg, func(ctx context.Context, db *store.DB) (id string, err error) {
			c, err := db.Ent.Conversation.Get(ctx, talk)
			if err != nil {
				return "", err
			}
			first := c.NextPosition
			err = db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
				for some := range slices.Chunk(make([]int, added), 200) {
					rows := make([]*ent.MessageCreate, len(some))
					for i := range rows {
						id = fmt.Sprintf("msg_%026d", c.NextPosition)
						rows[i] = tx.Ent.Message.Create().SetID(id).SetConversationID(talk).SetProjectID(project).SetPosition(c.NextPosition).
							SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(fmt.Sprint("said ", c.NextPosition))
						c.NextPosition++
					}
					if err := tx.Ent.Message.CreateBulk(rows...).Exec(ctx); err != nil {
						return err
					}
				}
				return tx.Ent.Conversation.UpdateOne(c).SetNextPosition(c.NextPosition).
					SetRetracted([][2]int{{first, first + added - 10}}).Exec(ctx)
			})
			return id, err
		})
		fork := s.do(t, forkQuery, object{"i": object{"messageId": last}})["forkConversation"].(object)["conversation"].(object)
		copied := s.said(t, fork["id"].(string))
		require.Len(t, copied, 3+10)
		require.Contains(t, last, copied[12]["text"].(string)[len("said "):])
	})
}
