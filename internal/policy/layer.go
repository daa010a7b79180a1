package policy

// InstanceLayer is the installation's layer: what destroys and what reaches other machines
// is asked for, unless one of its rules says otherwise.
func InstanceLayer(rules ...Rule) Layer {
	return Layer{Name: Instance, Rules: rules, Defaults: map[Class]Outcome{Network: Ask, Destructive: Ask}}
}

// Standing is a person's place in a project.
type Standing int

// The standings.
const (
	Stranger Standing = iota // no member, or not any more
	Reader                   // may look
	Editor                   // may change
)

// PersonLayer is that of the person for whom an agent works: the agent may do nothing that
// the person may not.
func PersonLayer(s Standing) Layer {
	l := Layer{Name: Person}
	why := "the person for whom this runs may only look at the project"
	switch s {
	case Editor:
	case Reader:
		for _, c := range []Class{Write, Execute, Network, Destructive} {
			l.Rules = append(l.Rules, Rule{ID: "person", Outcome: Deny, Class: c, Why: why})
		}
	default:
		l.Rules = []Rule{{ID: "person", Outcome: Deny, Why: "the person for whom this runs is no member of the project"}}
	}
	return l
}
