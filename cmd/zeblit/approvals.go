package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

type approvalsCommand struct {
	List    approvalsListCommand    `cmd:"" help:"List what agents wait to be allowed, in all projects."`
	Approve approvalsApproveCommand `cmd:"" help:"Allow it."`
	Deny    approvalsDenyCommand    `cmd:"" help:"Don't allow it; the agent is told."`
	Revoke  approvalsRevokeCommand  `cmd:"" help:"Take an approval for a run or a project back."`
}

type approvalsListCommand struct {
	target
	format
}

func (f *approvalsListCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		head := []string{"ID", "RISK", "AGENT", "EXPIRES", "PROJECT", "WANTS"}
		return writeList(c, f.format, api.Approvals(ctx), head, func(a client.Approval) []string {
			wants, _, _ := strings.Cut(a.Shown, "\n")
			return []string{a.ID, a.Risk, a.Agent.Slug, terminal.Time(a.ExpiresAt), terminal.Shorten(a.Project.Name, 24), terminal.Shorten(a.Tool+" "+wants, 60)}
		})
	})
}

type approvalsApproveCommand struct {
	target
	ID      string `arg:"" help:"The question's id."`
	For     string `name:"for" enum:"once,run,project" default:"once" help:"How far it reaches: once, run or project (30 days)."`
	Comment string `name:"comment" placeholder:"TEXT" help:"What is to be said about it."`
}

func (f *approvalsApproveCommand) Run(ctx context.Context, c console) error {
	return f.decide(ctx, c, f.ID, client.Decision{Approve: true, Remember: strings.ToUpper(f.For), Comment: f.Comment})
}

type approvalsDenyCommand struct {
	target
	ID      string `arg:"" help:"The question's id."`
	Comment string `name:"comment" placeholder:"TEXT" help:"What the agent is told."`
}

func (f *approvalsDenyCommand) Run(ctx context.Context, c console) error {
	return f.decide(ctx, c, f.ID, client.Decision{Comment: f.Comment})
}

func (f *target) decide(ctx context.Context, c console, id string, d client.Decision) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		a, err := api.ResolveApproval(ctx, id, d)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "%s  %s\n", a.ID, a.State)
		return err
	})
}

type approvalsRevokeCommand struct {
	target
	ID string `arg:"" help:"The approval's id."`
}

func (f *approvalsRevokeCommand) Run(ctx context.Context, c console) error {
	return f.with(ctx, c, nil, func(api *client.Client) error {
		a, err := api.RevokeApproval(ctx, f.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "%s  holds no more\n", a.ID)
		return err
	})
}
