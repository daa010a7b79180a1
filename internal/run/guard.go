package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/agent/tools"
)

// How often something may be repeated before the agent is told.
const (
	sameResults = 4 // the same call with the same result
	sameErrors  = 3 // the same error of the same tool
	sameWords   = 3 // messages in a row that say nearly the same
	sameOrders  = 6 // the same said to the same agent
	sameMails   = 6 // mails to and fro between the same two runs
)

// alike is the part of their words that two messages share which say nearly the same.
const alike = 0.9

// deed is one thing that an agent did, as the loop guard sees it.
type deed struct {
	step int
	at   time.Time
	kind habit
	// of says what was done and what came of it: two deeds with the same are the same.
	of string
	// words are what a message says.
	words []string
	// new says that something was written that wasn't written so before: the agent goes on.
	new bool
	// named is the deed in words for the agent and for people.
	named string
}

// key is the same for deeds that are.
func (d deed) key() string { return fmt.Sprint(int(d.kind), " ", d.of) }

// habit is a way of going in circles.
type habit int

const (
	repeats habit = iota
	fails
	talks
	orders
	mails
)

func (h habit) limit() int {
	return [...]int{repeats: sameResults, fails: sameErrors, talks: sameWords, orders: sameOrders, mails: sameMails}[h]
}

// judgement is what the loop guard finds in what a run did.
type judgement struct {
	// notes are what the agent is told, by the step after which it is.
	notes map[int]string
	// circle is why people are asked after the run's last step; empty: they aren't.
	circle string
}

// judge looks for circles in what a run did, oldest first. The agent is told once. Whoever
// does the same again after that, or goes in another circle, has to ask: at the end of the
// step in which it does so. What was done before the step from is forgiven: a person has said
// something there.
func judge(deeds []deed, from int) judgement {
	v := judgement{notes: map[int]string{}}
	count := map[string]int{}
	var said []deed
	told := -1 // the step after which it was told
	forgiven := false
	for i, d := range deeds {
		if !forgiven && d.step >= from {
			clear(count)
			said, told, forgiven = nil, -1, true
		}
		if d.new && d.kind == mails { // the other has got on
			delete(count, d.key())
			continue
		}
		if d.new {
			clear(count)
			said = nil
			continue
		}
		n := 0
		if d.kind == talks {
			if len(said) > 0 && !nearly(said[len(said)-1].words, d.words) {
				said = nil
			}
			said = append(said, d)
			n = len(said)
		} else {
			count[d.key()]++
			n = count[d.key()]
		}
		last := deeds[len(deeds)-1].step == deeds[i].step
		switch {
		case n < d.kind.limit():
		case told < 0:
			told = d.step
			v.notes[d.step] = note(d, n)
		case d.step > told && last:
			v.circle = circle(d, n)
		}
	}
	return v
}

// circle says what was repeated.
func circle(d deed, n int) string {
	switch d.kind {
	case fails:
		return fmt.Sprintf("%s has failed %d times with the same error", d.named, n)
	case talks:
		return fmt.Sprintf("%d messages in a row say nearly the same", n)
	case mails:
		return fmt.Sprintf("%d messages went to and fro between it and %s, and nothing changed", n, d.named)
	case orders:
		return fmt.Sprintf("the same was asked of %s %d times, and nothing changed", d.named, n)
	}
	return fmt.Sprintf("the same call of %s was made %d times with the same result", d.named, n)
}

func note(d deed, n int) string {
	return "(From Zeblit: you go in circles: " + circle(d, n) +
		". Do something else, or say what is in your way and ask. If it goes on, the work waits and a person is asked.)"
}

// did lists what a run did: its answers with their calls, and the work that it gave to
// others, in the order in which it did them.
func did(messages []*ent.Message, calls map[string][]*ent.ToolCall, given []given) []deed {
	written := map[string]bool{}
	var deeds []deed
	for _, m := range messages {
		if m.Role != enum.RoleAssistant || m.Status != enum.MessageComplete {
			continue
		}
		if words := strings.FieldsFunc(strings.ToLower(m.Text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }); len(words) > 0 {
			deeds = append(deeds, deed{step: m.Step, at: m.CreatedAt, kind: talks, words: words})
		}
		for _, c := range calls[m.ID] {
			made := c.Name + " " + plain(c.Input)
			d := deed{step: m.Step, at: c.CreatedAt, kind: repeats, of: made + " " + c.Output, named: c.Name}
			switch {
			case c.State == enum.ToolCallFailed:
				d.kind, d.of = fails, c.Name+" "+c.Output
			case c.State != enum.ToolCallDone:
				continue
			default:
				tool := tools.Find(c.Name)
				d.new = tool != nil && tools.Writes(tool) && !written[made]
				written[made] = true
			}
			deeds = append(deeds, d)
		}
	}
	return among(deeds, given)
}

// given is something that an agent said to another one, or had from it.
type given struct {
	at   time.Time
	kind habit  // orders, or mails
	to   string // the agent's name
	what string
	new  bool // what the other wrote meanwhile
}

// among puts what was given to others where it was given.
func among(deeds []deed, all []given) []deed {
	for _, g := range all {
		i := len(deeds)
		for i > 0 && deeds[i-1].at.After(g.at) {
			i--
		}
		step := 0
		if i > 0 {
			step = deeds[i-1].step
		}
		deeds = slices.Insert(deeds, i, deed{step: step, at: g.at, kind: g.kind, of: g.to + " " + strings.Join(strings.Fields(g.what), " "), named: g.to, new: g.new})
	}
	return deeds
}

// nearly says whether two messages say nearly the same.
func nearly(a, b []string) bool {
	in := map[string]int{}
	for _, w := range a {
		in[w]++
	}
	shared := 0
	for _, w := range b {
		if in[w] > 0 {
			in[w]--
			shared++
		}
	}
	return float64(shared) >= alike*float64(max(len(a), len(b)))
}

// plain is JSON without what doesn't matter in it.
func plain(input string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(input))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return input
	}
	var out bytes.Buffer
	if json.NewEncoder(&out).Encode(v) != nil {
		return input
	}
	return strings.TrimSpace(out.String())
}
