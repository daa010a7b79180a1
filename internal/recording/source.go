// Package recording joins recordings of models' calls (llm/record) with the database:
// what one begins with is read from it, and a replay is a conversation in another.
package recording

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// most is how much text the files of a project may have for a recording to keep them.
const most = 16 << 20

// Source implements record.Source.
type Source struct {
	db    *store.DB
	files *workspace.Workspace
}

// NewSource makes a Source.
func NewSource(db *store.DB, files *workspace.Workspace) *Source {
	return &Source{db: db, files: files}
}

var _ record.Source = (*Source)(nil)

// Asked implements record.Source.
func (s *Source) Asked(ctx context.Context, runID string) (conversationID string, m record.Message, err error) {
	ctx = access.As(ctx, access.Engine)
	r, err := s.db.Ent.Run.Get(ctx, runID)
	if err != nil {
		return "", m, err
	}
	asked, err := s.db.Ent.Message.Get(ctx, r.MessageID)
	if err != nil {
		return "", m, err
	}
	worker, err := s.db.Ent.Agent.Get(ctx, r.AgentID)
	if err != nil {
		return "", m, err
	}
	return r.ConversationID, record.Message{RunID: r.ID, Text: asked.Text, Agent: worker.Slug, Model: r.Model}, nil
}

// Began implements record.Source.
func (s *Source) Began(ctx context.Context, runID string) (c record.Conversation, err error) {
	ctx = access.As(ctx, access.Engine)
	r, err := s.db.Ent.Run.Get(ctx, runID)
	if err != nil {
		return c, err
	}
	project, err := s.db.Ent.Project.Get(ctx, r.ProjectID)
	if err != nil {
		return c, err
	}
	c.ProjectName, c.Description = project.Name, project.Description
	first, err := s.db.Ent.Message.Query().Where(message.ConversationID(r.ConversationID)).
		Order(ent.Asc(message.FieldPosition)).FirstID(ctx)
	if err != nil {
		return c, err
	}
	if first != r.MessageID {
		c.Unplayable = "the conversation had begun before it was recorded"
		return c, nil
	}
	// The files are for the person whose message it is, as for the agent that serves them.
	c.Files, c.Unplayable, err = s.snapshot(access.WithViewer(ctx, access.Viewer{UserID: r.UserID}), project.ID)
	return c, err
}

// snapshot reads all files, unless they are too much or not all text.
func (s *Source) snapshot(ctx context.Context, projectID string) (all []record.File, unplayable string, err error) {
	size, after := 0, ""
	for more := true; more; {
		var page []workspace.File
		page, more, err = s.files.Files(ctx, projectID, "", "", after, 500)
		if err != nil {
			return nil, "", fmt.Errorf("list the files: %w", err)
		}
		for _, f := range page {
			after = f.Path
			size += f.Size
			if f.IsBinary || size > most {
				return nil, fmt.Sprintf("the project has binary files, as %s, or more than %d MiB", f.Path, most>>20), nil
			}
			whole, err := s.files.File(ctx, projectID, f.Path, "")
			if err != nil {
				return nil, "", fmt.Errorf("read %s: %w", f.Path, err)
			}
			if whole.Text != nil {
				all = append(all, record.File{Path: f.Path, Text: *whole.Text})
			}
		}
	}
	return all, "", nil
}
