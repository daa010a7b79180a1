package run_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// cancelWhen has every run cancelled, as another node does, in the very moment in which a
// row of a table comes to be as the condition says.
func (b *testBundle) cancelWhen(t *testing.T, table, condition string) {
	t.Helper()
	const act = "UPDATE runs SET cancel_requested = true WHERE id = NEW.run_id"
	statements := []string{"CREATE TRIGGER late AFTER UPDATE ON " + table + " WHEN " + condition + " BEGIN " + act + "; END"}
	if storetest.IsPostgres(b.db) {
		statements = []string{
			"CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + act + "; RETURN NEW; END $$",
			"CREATE TRIGGER late AFTER UPDATE ON " + table + " FOR EACH ROW WHEN (" + condition + ") EXECUTE FUNCTION late()",
		}
	}
	for _, s := range statements {
		_, err := b.db.SQL.Exec(s)
		require.NoError(t, err, s)
	}
}

func TestARunThatIsCancelledAsItBeginsToWaitEnds(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Reply{llmtest.Call("ask_user", map[string]any{"question": "Which colour?"})}}
	}, func(t *testing.T, b *testBundle) {
		b.cancelWhen(t, "tool_calls", "NEW.state = 'WAITING'")
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
		for _, c := range b.calls(t, r.ID) {
			require.True(t, c.State.Ended(), c.State)
		}
	})
}

func TestARunThatIsCancelledAsItAnswersIsCancelled(t *testing.T) {
	t.Parallel()
	each(t, always("done"), func(t *testing.T, b *testBundle) {
		b.cancelWhen(t, "messages", "NEW.role = 'ASSISTANT' AND NEW.status = 'COMPLETE'")
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
	})
}
