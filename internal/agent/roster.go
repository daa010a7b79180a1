// Package agent is the crew: who they are and what they are told. How they work
// is package run; what they work with is package tools.
package agent

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/zeblit/zeblit/ent"
	entagent "github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/llm/quoted"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Default is the slug of the agent that answers when none is named.
const Default = "manager"

// Role is a built-in agent.
type Role struct {
	Slug        string
	Name        string
	Description string
	// Tools are the names of the tools that the role may use.
	Tools []string
	// Writes are the files that the role may change with its tools, as patterns that
	// Allows explains; nil: none.
	Writes []string
	// Temperature is what its model is asked for.
	Temperature float64
	// Tier is that of the models that it usually works with: quick, standard or complex.
	Tier string
	// MaxOutputTokens bounds one answer of its model.
	MaxOutputTokens int
}

// Roster lists the built-in agents.
func Roster() []Role { return roster }

// Find returns the role of slug ("" for the default one), or BAD_USER_INPUT that
// names those there are.
func Find(slug string) (Role, error) {
	if slug == "" {
		slug = Default
	}
	slugs := make([]string, 0, len(roster))
	for _, r := range roster {
		if r.Slug == slug {
			r.Tools = append(slices.Clone(r.Tools), tools.Extra(slug)...)
			return r, nil
		}
		slugs = append(slugs, r.Slug)
	}
	return Role{}, problem.BadField("agent", "no such agent; there are: %s", strings.Join(slugs, ", "))
}

// Register writes the roster into the database, so that runs and messages can
// name their agent. It is done at every start.
func Register(ctx context.Context, db *store.DB) error {
	ctx = access.As(ctx, access.Maintenance)
	for _, r := range roster {
		err := db.Ent.Agent.Create().SetSlug(r.Slug).SetName(r.Name).SetDescription(r.Description).
			OnConflictColumns(entagent.FieldSlug).
			Update(func(u *ent.AgentUpsert) { u.SetName(r.Name).SetDescription(r.Description) }).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("register agent %s: %w", r.Slug, err)
		}
	}
	return nil
}

//go:embed prompts/*.md prompts/_*.md rules.md
var promptFiles embed.FS

// Brief is what a prompt may speak of.
type Brief struct {
	ProjectName        string
	ProjectDescription string
	// Instructions are the project's own for its agents, from its AGENTS.md; may be empty.
	Instructions string
}

// Crew are the roles that the manager can give tasks to.
func (Brief) Crew() []Role {
	return slices.DeleteFunc(slices.Clone(roster), func(r Role) bool { return r.Slug == Default })
}

// Prompt is the role's system prompt for a project: its own, then the rules that all roles
// share, and the project's instructions below them.
func (r Role) Prompt(b Brief) (string, error) {
	if b.Instructions != "" {
		b.Instructions = quoted.Mark(quoted.Instructions, "AGENTS.md", b.ProjectName, b.Instructions)
	}
	t, err := template.ParseFS(promptFiles, "prompts/"+r.Slug+".md", "prompts/_*.md", "rules.md")
	if err != nil {
		return "", fmt.Errorf("prompt of %s: %w", r.Slug, err)
	}
	var out bytes.Buffer
	for _, name := range []string{r.Slug + ".md", "rules.md"} {
		if err := t.ExecuteTemplate(&out, name, b); err != nil {
			return "", fmt.Errorf("prompt of %s: %w", r.Slug, err)
		}
		out.WriteByte('\n')
	}
	return strings.TrimSpace(out.String()), nil
}
