package faulttest

import (
	"context"

	"github.com/zeblit/zeblit/internal/plan/crewtest"
)

// judgeWords holds that what the crew said to each other is there once, and was read, and
// that its question was answered once. That it stands once in each transcript is held by
// the model, which refuses any other.
func (c *Crewed) judgeWords(ctx context.Context, l *Load, project string) error {
	heard := map[string]int{}
	err := query(ctx, l.in, `SELECT m.text, m.seen_step IS NOT NULL, a.slug, m.conversation_id = r.conversation_id
		FROM messages m JOIN runs r ON r.id = m.run_id JOIN agents a ON a.id = r.agent_id
		WHERE m.project_id = $1 AND m.sender_run_id <> ''`, func(scan func(...any) error) error {
		var text, reader string
		var read, there bool
		if err := scan(&text, &read, &reader, &there); err != nil {
			return err
		}
		heard[text]++
		if want := map[string]string{crewtest.Mail: "architect", crewtest.MailUp: "manager", crewtest.Question: "data-analyst"}[text]; reader != want || !read || !there {
			c.wrong("%q of %s went to the %s instead of the %s, read: %t, in its conversation: %t", text, project, reader, want, read, there)
		}
		return nil
	}, project)
	if err != nil {
		return err
	}
	for _, text := range []string{crewtest.Mail, crewtest.MailUp, crewtest.Question} {
		if heard[text] != 1 {
			c.wrong("%q is there %d times in %s", text, heard[text], project)
		}
	}
	var sent, asked, told, answers, waited int
	err = l.in.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM tool_calls WHERE project_id = $1 AND name = 'send_message' AND state = 'DONE'),
		(SELECT count(*) FROM runs WHERE project_id = $1 AND call_id <> ''),
		(SELECT count(*) FROM tool_calls WHERE project_id = $1 AND name = 'ask_agent' AND state = 'DONE' AND output = $2),
		(SELECT count(*) FROM messages WHERE project_id = $1 AND role = 'ASSISTANT' AND status = 'COMPLETE' AND text = $2),
		(SELECT count(*) FROM tool_calls WHERE project_id = $1 AND name = 'list_files')`, project, crewtest.Told).
		Scan(&sent, &asked, &told, &answers, &waited)
	if err == nil && (sent != 2 || asked != 1 || told != 1 || answers != 1 || waited > 1) {
		c.wrong("%s: %d of 2 mails sent; 1 question became %d runs, which gave %d answers, and %d were told; mail was waited for %d times",
			project, sent, asked, answers, told, waited)
	}
	return err
}
