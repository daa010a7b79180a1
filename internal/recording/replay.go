package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// System is where a replay takes place: its model is the recording's player.
type System struct {
	DB            *store.DB
	Projects      *project.Service
	Conversations *conversation.Service
	Files         *workspace.Workspace
	Hub           *stream.Hub
}

// Replay makes the recording's project, says what was said, one message after the other,
// and waits for each run's end. It tells see of every event. It needs a viewer, whose
// project it will be.
func Replay(ctx context.Context, s System, r *record.Recording, see func(stream.Event)) (*ent.Project, error) {
	c := r.Conversation
	if c.Unplayable != "" {
		return nil, fmt.Errorf("this recording can't be replayed: %s", c.Unplayable)
	}
	p, err := s.Projects.Create(ctx, project.CreateInput{Name: c.ProjectName, Description: c.Description})
	if err != nil {
		return nil, fmt.Errorf("make the project: %w", err)
	}
	if len(c.Files) > 0 {
		var changes []workspace.Change
		for _, f := range c.Files {
			changes = append(changes, workspace.Change{Path: f.Path, Content: &f.Text})
		}
		author := workspace.Author{Name: "Replay", Email: "replay@localhost", UserID: access.ViewerFrom(ctx).UserID}
		if _, err := s.Files.Commit(ctx, workspace.Main(p.ID), author, "Begin as the recording does", changes...); err != nil {
			return nil, fmt.Errorf("write the files: %w", err)
		}
	}
	handle, err := access.StreamReader(ctx, s.DB.Ent, p.ID)
	if err != nil {
		return nil, err
	}
	events, err := s.Hub.Follow(ctx, handle, 0)
	if err != nil {
		return nil, err
	}
	defer events.Close()
	conversationID := ""
	for _, run := range r.Runs {
		in := conversation.SendInput{ConversationID: conversationID, Text: run.Message.Text, Agent: run.Message.Agent}
		if conversationID == "" {
			in.ProjectID = p.ID
		}
		m, begun, err := s.Conversations.Send(ctx, in)
		if err != nil {
			return p, fmt.Errorf("say %q: %w", strings.SplitN(run.Message.Text, "\n", 2)[0], err)
		}
		conversationID = m.ConversationID
		if begun == nil {
			return p, errors.New("no run answers the message")
		}
		if err := s.await(ctx, events, begun.ID, see); err != nil {
			return p, err
		}
	}
	return p, nil
}

// await tells of events until the run has ended.
func (s System) await(ctx context.Context, events *stream.Reader, runID string, see func(stream.Event)) error {
	for {
		batch, err := events.Next(ctx)
		if err != nil {
			return err
		}
		ended := false
		for _, e := range batch {
			see(e)
			ended = ended || e.RunID == runID && endOf(e)
		}
		if ended {
			return nil
		}
	}
}

func endOf(e stream.Event) bool {
	var p stream.RunPayload
	if e.Type != enum.EventRunStateChanged || json.Unmarshal(e.Payload, &p) != nil || p.Run == nil {
		return false
	}
	return p.Run.State.Ended()
}
