package usage

import (
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/money"
)

// Told is a budget's news for all who read a project: its figures are nil where only
// others may know them.
type Told struct {
	Budget               *ent.Budget
	Level                int
	Limit, Spent, Needed *int64 // nano-dollars
	Text                 string
}

// Tell puts into words that a level is reached.
func (r Reached) Tell() Told {
	t := Told{Budget: r.Budget, Level: r.Level, Text: fmt.Sprintf("%d %% of %s are spent", r.Level, name(r.Budget))}
	if r.Budget.Scope.InProject() {
		t.Limit, t.Spent = &r.Budget.LimitNano, &r.Spent
		t.Text += fmt.Sprintf(": %s of %s US dollars", money.Format(r.Spent), money.Format(r.Budget.LimitNano))
	}
	t.Text += "."
	return t
}

// Tell puts into words that a call doesn't fit.
func (e *Exceeded) Tell() Told {
	t := Told{Budget: e.Budget, Level: levelOf(e.Spent, e.Budget.LimitNano)}
	if !e.Budget.Scope.InProject() {
		t.Text = fmt.Sprintf("The run is paused: %s leaves too little for its next call of a model. Who administers it can raise it; then resume the run. Or cancel the run.", name(e.Budget))
		return t
	}
	t.Limit, t.Spent, t.Needed = &e.Budget.LimitNano, &e.Spent, &e.Needed
	held := ""
	if e.Reserved > 0 {
		held = fmt.Sprintf(" and %s are held by calls under way", money.Format(e.Reserved))
	}
	t.Text = fmt.Sprintf("The run is paused: its next call of a model may cost %s US dollars, but of the %s of %s %s are spent%s. Raise the budget and resume the run, or cancel it.",
		money.Format(e.Needed), money.Format(e.Budget.LimitNano), name(e.Budget), money.Format(e.Spent), held)
	return t
}

func name(b *ent.Budget) string {
	whose := map[enum.BudgetScope]string{
		enum.BudgetInstance: "the installation's budget", enum.BudgetOrganisation: "the organisation's budget",
		enum.BudgetProject: "the project's budget", enum.BudgetUser: "the user's budget",
		enum.BudgetAgent: "the agent's budget", enum.BudgetRun: "the run's budget",
	}[b.Scope]
	switch b.Period {
	case enum.PeriodRun:
		return whose + " for each run"
	case enum.PeriodDay:
		return whose + " for the day"
	case enum.PeriodMonth:
		return whose + " for the month"
	}
	return whose
}
