package run

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/usage"
)

const (
	// instructionsFile is the project's standing instructions for agents, at its root.
	instructionsFile = "AGENTS.md"
	// maxInstructions is how much of it is read, in bytes.
	maxInstructions = 32 << 10
)

// prompt is what the step asks its model.
func (e *Engine) prompt(ctx context.Context, l *lease) (prompt, error) {
	project, err := e.db.Ent.Project.Get(ctx, l.run.ProjectID)
	if err != nil {
		return prompt{}, err
	}
	by, err := e.crewman(ctx, l)
	if err != nil {
		return prompt{}, err
	}
	role := by.role
	instructions, err := e.instructions(ctx, l, role)
	if err != nil {
		return prompt{}, err
	}
	system, err := role.Prompt(agent.Brief{ProjectName: project.Name, ProjectDescription: project.Description, Instructions: instructions})
	if err != nil {
		return prompt{}, lasting{err}
	}
	specs, err := tools.Specs(role.Tools)
	if err != nil {
		return prompt{}, lasting{err}
	}
	messages, asked, err := e.said(ctx, l)
	if err != nil {
		return prompt{}, err
	}
	p := prompt{
		Request: llm.Request{System: system, Messages: messages, Tools: specs, MaxOutputTokens: role.MaxOutputTokens, Temperature: &role.Temperature},
		account: usage.AccountIn(project, l.run), asked: asked,
	}
	p.wish, err = e.wish(ctx, l, role, p)
	return p, err
}

// instructions are the project's own, as the run's branch has them now; empty: there are
// none, they are no text, or the person who is served may not read them any more.
func (e *Engine) instructions(ctx context.Context, l *lease, role agent.Role) (string, error) {
	person := access.WithViewer(ctx, access.Viewer{UserID: l.run.UserID, Agent: role.Slug})
	f, err := e.workspace.File(person, l.run.ProjectID, instructionsFile, l.run.Branch)
	if problem.As(err) != nil || err == nil && f.Text == nil {
		return "", nil //nolint:nilerr // there are none for this person
	}
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(*f.Text)
	if len(text) <= maxInstructions {
		return text, nil
	}
	cut := maxInstructions
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "\n\n(cut here: the rest of the file is not read)", nil
}
