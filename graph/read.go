package graph

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/organisation"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/ent/predicate"
	entproject "github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// maxSearch is the longest text to search for, in characters.
const maxSearch = 120

func isViewer(ctx context.Context, userID string) bool {
	v := access.ViewerFrom(ctx)
	return v != nil && v.UserID == userID
}

// missing is NOT_FOUND for those who are signed in.
func missing(ctx context.Context, field, what string) error {
	if _, err := access.RequireViewer(ctx); err != nil {
		return err
	}
	return problem.Missing(field, what)
}

func (r *Resolver) findRun(ctx context.Context, id, field string) (*ent.Run, error) {
	if _, err := access.RequireViewer(ctx); err != nil {
		return nil, err
	}
	if relay.IDPrefix(id) != "run" {
		return nil, problem.Missing(field, "run")
	}
	run, found, err := load(ctx).runs.Load(ctx, id)
	if err == nil && !found {
		err = problem.Missing(field, "run")
	}
	return run, err
}

// anew reads a project after it was changed, with its head.
func (r *Resolver) anew(ctx context.Context, id string) (*ent.Project, error) {
	r.forget(ctx)
	return the(ctx, load(ctx).projects, id)
}

// headCursor is the cursor that was read with the project. Of a project in an
// event, the event has read it.
func headCursor(ctx context.Context, p *ent.Project) (string, error) {
	if head, err := p.Value(headColumn); err == nil {
		if seq, ok := head.(int64); ok {
			return stream.CursorAt(p.ID, seq), nil
		}
		return "", fmt.Errorf("the head of %s is a %T", p.ID, head)
	}
	s, err := the(ctx, load(ctx).heads, p.ID)
	if err != nil {
		return "", err
	}
	return stream.CursorAt(p.ID, s.Head), nil
}

// nodes finds many objects at once.
func nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	if len(ids) > relay.MaxPage {
		return nil, problem.BadField("ids", "ask for at most %d objects at once", relay.MaxPage)
	}
	out, errs := make([]model.Node, len(ids)), make([]error, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() { out[i], errs[i] = node(ctx, id) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// byPosition is the order of a conversation.
var byPosition = relay.Order[*ent.Message]{
	Name: "POSITION", Column: message.FieldPosition, Number: true, ID: messageID,
	Value: func(m *ent.Message) string { return strconv.Itoa(m.Position) },
}

// projectOrder is newest first unless o says otherwise.
func projectOrder(o *model.ProjectOrder) relay.Order[*ent.Project] {
	if o == nil {
		o = &model.ProjectOrder{Field: model.ProjectOrderFieldCreatedAt, Direction: model.OrderDirectionDesc}
	}
	order := relay.ByID(o.Field.String()+" "+o.Direction.String(), o.Direction == model.OrderDirectionDesc, projectID)
	if o.Field == model.ProjectOrderFieldName {
		order.Column, order.Value = entproject.FieldName, func(p *ent.Project) string { return p.Name }
	}
	return order
}

func checkSearch(text string) error {
	if utf8.RuneCountInString(text) > maxSearch || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return problem.BadField("where.nameContains", "search for at most %d characters of valid UTF-8", maxSearch)
	}
	return nil
}

// ofMember is the organisations that a user belongs to.
func ofMember(userID string) predicate.Organisation {
	return func(s *sql.Selector) {
		m := sql.Table(orgmembership.Table)
		s.Where(sql.In(s.C(organisation.FieldID), sql.Select(m.C(orgmembership.FieldOrganisationID)).
			From(m).Where(sql.EQ(m.C(orgmembership.FieldUserID), userID))))
	}
}

func file(projectID, ref string, f workspace.File) *model.File {
	return &model.File{
		ProjectID: projectID, Ref: ref,
		Path: f.Path, Size: f.Size, IsBinary: f.IsBinary, Text: f.Text, Revision: f.Revision, Mode: modeName(f.Mode),
	}
}

func files(projectID, ref string, found []workspace.File) []*model.File {
	out := make([]*model.File, len(found))
	for i, f := range found {
		out[i] = file(projectID, ref, f)
	}
	return out
}

func commits(found []workspace.Commit) []*model.Commit {
	out := make([]*model.Commit, len(found))
	for i, c := range found {
		out[i] = &model.Commit{
			Hash: c.Hash, Message: c.Message, AuthorName: c.AuthorName, AuthorEmail: c.AuthorEmail,
			CommittedAt: c.At, Parents: c.Parents,
		}
		if c.Parents == nil {
			out[i].Parents = []string{}
		}
	}
	return out
}

func branch(projectID string, b workspace.BranchTip) *model.Branch {
	return &model.Branch{ProjectID: projectID, Name: b.Name, Hash: b.Hash}
}
