package tools

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	maxQuestion = 4 << 10 // bytes
	maxChoices  = 8
	maxChoice   = 200 // bytes
	leastWait   = time.Minute
	usualWait   = 24 * time.Hour
	longestWait = 7 * 24 * time.Hour
)

// Question is what is asked of the people of a project.
type Question struct {
	Text string
	// Choices are the answers to choose from; none: people answer in their own words.
	Choices []string
	// AllowOther lets people answer in their own words where there are choices.
	AllowOther bool
	// Default is what holds when nobody answers in time; empty: nothing does.
	Default string
	// Stop is the answer that ends the run; empty: none does.
	Stop string
	// Within is how long an answer is waited for.
	Within time.Duration
}

// Questions is where what is asked is written down.
type Questions interface {
	// Ask records the question of a run's call, or of the run itself where callID is
	// empty, within tx. The run is to wait in WAITING_FOR_INPUT from there on.
	Ask(ctx context.Context, tx *store.Tx, runID, callID string, q Question) error
}

type askUser struct{}

func (askUser) Name() string { return "ask_user" }

// Trusted says that what people answer is what they want.
func (askUser) Trusted() bool { return true }

func (askUser) Schema() string {
	return `{"type":"object","properties":{"question":{"type":"string","description":"in words that people understand who have not seen your work"},"choices":{"type":"array","items":{"type":"string"},"maxItems":8,"description":"answers to choose from"},"allow_other":{"type":"boolean","description":"whether an answer may be none of the choices"},"default":{"type":"string","description":"what holds when nobody answers in time"},"deadline_seconds":{"type":"integer","minimum":60,"maximum":604800,"description":"86400 unless you say otherwise"}},"required":["question"],"additionalProperties":false}`
}

func (askUser) Run(_ context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Question   string   `json:"question"`
		Choices    []string `json:"choices"`
		AllowOther bool     `json:"allow_other"`
		Default    string   `json:"default"`
		Deadline   *int     `json:"deadline_seconds"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	q := Question{Text: strings.TrimSpace(in.Question), AllowOther: in.AllowOther, Default: strings.TrimSpace(in.Default), Within: usualWait}
	for _, choice := range in.Choices {
		q.Choices = append(q.Choices, strings.TrimSpace(choice))
	}
	if in.Deadline != nil {
		q.Within = time.Duration(*in.Deadline) * time.Second
	}
	if err := q.check(); err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Text: "The people have been asked; their answer comes here.",
		Wait: enum.RunWaitingForInput,
		Apply: func(ctx context.Context, tx *store.Tx) error {
			return env.Questions.Ask(ctx, tx, env.RunID, env.CallID, q)
		},
	}, nil
}

func (q Question) check() error {
	if err := required("question", q.Text); err != nil {
		return err
	}
	switch {
	case len(q.Text) > maxQuestion:
		return problem.BadField("question", "a question is at most 4 KiB; this is %d bytes", len(q.Text))
	case len(q.Choices) > maxChoices:
		return problem.BadField("choices", "there are at most %d choices", maxChoices)
	case len(q.Default) > maxQuestion:
		return problem.BadField("default", "an answer is at most 4 KiB")
	case q.Within < leastWait || q.Within > longestWait:
		return problem.BadField("deadline_seconds", "give 60 to 604800 seconds")
	}
	for i, choice := range q.Choices {
		if choice == "" || len(choice) > maxChoice || slices.Contains(q.Choices[:i], choice) {
			return problem.BadField("choices", "choices are different, not empty, and at most %d bytes long", maxChoice)
		}
	}
	if q.Default != "" && len(q.Choices) > 0 && !q.AllowOther && !slices.Contains(q.Choices, q.Default) {
		return problem.BadField("default", "the default is one of the choices, or allow_other is true")
	}
	return nil
}
