package terminal

import (
	"strings"

	"github.com/zeblit/zeblit/internal/client"
)

// question shows what an agent asks.
func (t *Transcript) question(q client.Question) {
	t.note(t.style.Bold("? " + CleanLine(q.Text)))
	for _, choice := range q.Choices {
		line := "- " + CleanLine(choice)
		if choice == q.DefaultAnswer {
			line += t.style.Dim(" (holds when nobody answers)")
		}
		t.note("  " + line)
	}
	switch {
	case len(q.Choices) == 0 && q.DefaultAnswer != "":
		t.note(t.style.Dim("  when nobody answers: " + CleanLine(q.DefaultAnswer)))
	case len(q.Choices) > 0 && q.AllowOther:
		t.note(t.style.Dim("  or in your own words"))
	}
}

// answer shows what came of it.
func (t *Transcript) answer(q client.Question) {
	switch {
	case q.State == client.QuestionAnswered:
		t.note(t.style.Dim("(answered: " + CleanLine(q.Answer) + ")"))
	case q.State == client.QuestionExpired && q.Answer != "":
		t.note(t.style.Dim(strings.TrimSpace("(nobody answered; it is: " + CleanLine(q.Answer) + ")")))
	case q.State == client.QuestionExpired:
		t.note(t.style.Dim("(nobody answered)"))
	}
}
