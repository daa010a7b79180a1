package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// maxWords is how much an agent says to another at once, in bytes.
const maxWords = 8 << 10

// Crew is where agents speak to each other.
type Crew interface {
	// Ask has another agent answer a question of the call's run, within tx. The run is to
	// wait in WAITING_FOR_AGENTS from there on.
	Ask(ctx context.Context, tx *store.Tx, env Env, agent, question string) error
	// Addressee is the run that mail to an agent goes to. NOT_FOUND: there is none.
	Addressee(ctx context.Context, env Env, to string) (Addressee, error)
	// Post leaves mail for a run, within tx.
	Post(ctx context.Context, tx *store.Tx, env Env, to Addressee, text string) error
}

// Addressee is a run of another agent, as it was found.
type Addressee struct {
	RunID, Name string
	State       enum.RunState
}

// SpeakerOf is the agent whose words a call returns; "" where it returns no agent's.
func SpeakerOf(t Tool, input json.RawMessage) string {
	if says, ok := t.(interface{ Speaker(json.RawMessage) string }); ok {
		return says.Speaker(input)
	}
	return ""
}

type askAgent struct{}

func (askAgent) Name() string { return "ask_agent" }

func (askAgent) Schema() string {
	return `{"type":"object","properties":{"agent":{"type":"string","description":"whom to ask: product-manager, architect, data-analyst, engineer, platform-engineer, security-engineer or manager"},"question":{"type":"string","description":"with all that is needed to answer it: who is asked sees the project's files, not your conversation"}},"required":["agent","question"],"additionalProperties":false}`
}

// Speaker is who is asked.
func (askAgent) Speaker(input json.RawMessage) string {
	var in struct {
		Agent string `json:"agent"`
	}
	_ = json.Unmarshal(input, &in) // Run says what is wrong with it
	return in.Agent
}

func (askAgent) Run(_ context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Agent    string `json:"agent"`
		Question string `json:"question"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("agent", in.Agent); err != nil {
		return Outcome{}, err
	}
	question, err := checkWords("question", in.Question)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Text: "The " + in.Agent + " has been asked; the answer comes here.",
		Wait: enum.RunWaitingForAgents,
		Apply: func(ctx context.Context, tx *store.Tx) error {
			return env.Crew.Ask(ctx, tx, env, in.Agent, question)
		},
	}, nil
}

type sendMessage struct{}

func (sendMessage) Name() string { return "send_message" }

// Trusted says that it returns our words alone.
func (sendMessage) Trusted() bool { return true }

func (sendMessage) Schema() string {
	return `{"type":"object","properties":{"to":{"type":"string","description":"the agent whom it is for, as in ask_agent"},"text":{"type":"string"}},"required":["to","text"],"additionalProperties":false}`
}

func (sendMessage) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		To   string `json:"to"`
		Text string `json:"text"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("to", in.To); err != nil {
		return Outcome{}, err
	}
	text, err := checkWords("text", in.Text)
	if err != nil {
		return Outcome{}, err
	}
	to, err := env.Crew.Addressee(ctx, env, in.To)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Text: fmt.Sprintf("Sent to the %s at work (%s, %s), who reads it before the next answer; what comes too late for the end of that work stays unread.", to.Name, to.RunID, to.State),
		Apply: func(ctx context.Context, tx *store.Tx) error {
			return env.Crew.Post(ctx, tx, env, to, text)
		},
	}, nil
}

func checkWords(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	if err := required(field, text); err != nil {
		return "", err
	}
	if len(text) > maxWords {
		return "", problem.BadField(field, "say it in 8 KiB at most; this is %d bytes. Name files instead of quoting them", len(text))
	}
	return text, nil
}
