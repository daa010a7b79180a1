// Package policy decides whether an agent may make a call: yes, no, or only once a
// person has allowed it. It is pure: what it goes by is handed to it, and the same
// question has the same answer everywhere.
//
// A call does things of one or more classes. Each layer (the installation, the
// organisation, the project, the person for whom the agent works, its role) says of each
// class allow, ask or deny, and the strictest of all counts. So no layer gives more than
// another leaves, and one more layer never widens anything. An agent that works for
// another is held to what binds that one too, and so on upwards: a denial can't be got
// around by way of a helper. What a person has approved turns ask into allow, for the run
// or the project that it was approved for, and never a denial.
package policy

import (
	"cmp"
	"slices"
	"time"
)

// Class is what a call does.
type Class string

// The classes, from the mildest.
const (
	Read        Class = "READ"        // looks at the project
	Write       Class = "WRITE"       // changes its files
	Execute     Class = "EXECUTE"     // runs a command in its sandbox
	Network     Class = "NETWORK"     // speaks to other machines
	Destructive Class = "DESTRUCTIVE" // destroys what may not come back
)

// Classes lists them.
func Classes() []Class { return []Class{Read, Write, Execute, Network, Destructive} }

// Outcome is what becomes of a call. The zero value denies.
type Outcome int

// The outcomes.
const (
	Deny Outcome = iota
	Ask
	Allow
)

// String is the outcome as rules write it.
func (o Outcome) String() string {
	switch o {
	case Allow:
		return "allow"
	case Ask:
		return "ask"
	}
	return "deny"
}

// LayerName says whose rules they are.
type LayerName string

// The layers.
const (
	Instance     LayerName = "instance"
	Organisation LayerName = "organisation"
	Project      LayerName = "project"
	Person       LayerName = "person"
	Role         LayerName = "role"
)

// Layer is the rules of one of those who have a say.
type Layer struct {
	Name  LayerName
	Rules []Rule
	// Defaults are for what no rule is about; a class that is missing is allowed.
	Defaults map[Class]Outcome
}

// Agent is who wants to make a call.
type Agent struct {
	Slug string
	// Layers bind it. One without any may do nothing.
	Layers []Layer
	// Parent is the agent that it works for; nil: it works for a person.
	Parent *Agent
}

// maxDepth is how many agents may stand above each other.
const maxDepth = 16

// Call is what an agent wants to do.
type Call struct {
	ID   string
	Tool string
	// Classes are all that it does. A call of none is taken for one of every class.
	Classes []Class
	// Paths are the files that it reads or changes. Mentions are what a command speaks of,
	// which it may change; they may hold what a shell makes names of, as in *.go.
	Paths    []string
	Mentions []string
	// Commands are the programs that it runs, each with its arguments in one line.
	Commands []string
	// Concerns say in words for people what is risky about it.
	Concerns []string
	// Subject is all of the call that an approval of it covers.
	Subject string
}

func (c Call) classes() []Class {
	if len(c.Classes) == 0 {
		return Classes()
	}
	return c.Classes
}

// Is says whether the call does things of the class.
func (c Call) Is(class Class) bool { return slices.Contains(c.classes(), class) }

// Key is the same for calls that one approval covers: those of the same tool that do the
// same.
func (c Call) Key() string { return digest(c.Tool, c.Subject) }

// Scope is how far an approval reaches.
type Scope string

// The scopes.
const (
	Once      Scope = "ONCE"    // the call that was asked about
	InRun     Scope = "RUN"     // the same call again in the same run
	InProject Scope = "PROJECT" // the same call in the project, until a date
)

// Grant is what a person has approved. It stands only for calls with its key.
type Grant struct {
	Scope  Scope
	Key    string
	CallID string
	RunID  string
	Until  time.Time // zero: without end
}

func (g Grant) covers(c Call, at Moment) bool {
	if g.Key != c.Key() {
		return false
	}
	switch g.Scope {
	case Once:
		return g.CallID != "" && g.CallID == c.ID
	case InRun:
		return g.RunID != "" && g.RunID == at.RunID && g.holds(at)
	case InProject:
		return g.holds(at)
	}
	return false
}

func (g Grant) holds(at Moment) bool { return g.Until.IsZero() || at.Now.Before(g.Until) }

// Moment is the run and the time in which a call is to be made.
type Moment struct {
	RunID string
	Now   time.Time
}

// Decision is what becomes of a call, and why.
type Decision struct {
	Outcome Outcome
	Risk    Risk
	// Layer, Rule and Agent say which rule of whom decided, when it was not allowed
	// anyway. Agent is the one that the rule binds: the caller, or one above it.
	Layer LayerName
	Rule  Rule
	Agent string
	// Granted says that an approval allowed what had to be asked for.
	Granted bool
}

// Decide says whether the agent may make the call. Grants are those of the call's own
// project.
func Decide(c Call, by *Agent, at Moment, grants ...Grant) Decision {
	d := authority(c, by)
	d.Risk = RiskOf(c)
	if d.Outcome == Ask && slices.ContainsFunc(grants, func(g Grant) bool { return g.covers(c, at) }) {
		d.Outcome, d.Granted = Allow, true
	}
	return d
}

// authority is the decision without what was approved.
func authority(c Call, by *Agent) Decision {
	d := Decision{Outcome: Deny, Rule: Rule{ID: "default", Outcome: Deny}, Layer: Instance}
	if by == nil {
		return d
	}
	d = Decision{Outcome: Allow}
	depth := 0
	for a := by; a != nil; a = a.Parent {
		if depth++; depth > maxDepth || len(a.Layers) == 0 {
			return Decision{Outcome: Deny, Rule: Rule{ID: "default", Outcome: Deny}, Layer: Instance, Agent: a.Slug}
		}
		for _, l := range a.Layers {
			outcome, rule := l.decide(c, a.Slug, a != by)
			if outcome < d.Outcome || d.Rule.ID == "" {
				d.Outcome, d.Rule, d.Layer, d.Agent = outcome, rule, l.Name, a.Slug
			}
		}
	}
	return d
}

// decide is the strictest of what the layer says of each class of the call. slug is the
// agent's whom the layer binds; below says that one that works for it makes the call.
func (l Layer) decide(c Call, slug string, below bool) (Outcome, Rule) {
	worst, why := Allow, Rule{ID: "default", Outcome: Allow}
	for _, class := range c.classes() {
		if outcome, rule := l.forClass(c, class, slug, below); outcome < worst {
			worst, why = outcome, rule
		}
	}
	return worst, why
}

// forClass: a denial always counts. Of what asks and what allows the narrower rule does,
// and of two that are as narrow the stricter.
func (l Layer) forClass(c Call, class Class, slug string, below bool) (Outcome, Rule) {
	var found *Rule
	for i := range l.Rules {
		r := &l.Rules[i]
		if below && r.Own || r.Agent != "" && r.Agent != slug || !r.matches(c, class) {
			continue
		}
		if r.Outcome == Deny {
			return Deny, *r
		}
		if found == nil || cmp.Or(cmp.Compare(r.narrowness(), found.narrowness()), cmp.Compare(found.Outcome, r.Outcome)) > 0 {
			found = r
		}
	}
	if found != nil {
		return found.Outcome, *found
	}
	if outcome, ok := l.Defaults[class]; ok {
		return outcome, Rule{ID: "default", Class: class, Outcome: outcome}
	}
	return Allow, Rule{ID: "default", Class: class, Outcome: Allow}
}
