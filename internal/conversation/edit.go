package conversation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// stopWithin is how long an edit waits for the runs that it interrupts, and stopLook
	// how often it looks whether they have stopped.
	stopWithin = 5 * time.Second
	stopLook   = 50 * time.Millisecond
)

// Edited is what an edit has made.
type Edited struct {
	Message *ent.Message
	Run     *ent.Run // nil: no agent was asked
	// Undo is the checkpoint that takes the old messages back; nil: it is gone.
	Undo *ent.Checkpoint
}

// Edit says a message of the viewer's anew: it and all that came after it leave the context
// of the conversation, and the new one is sent. It needs the role EDITOR. CONFLICT while
// the conversation has a run that hasn't ended, unless in.WhileBusy is Interrupt.
func (s *Service) Edit(ctx context.Context, in EditInput) (*Edited, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	old, err := findMessage(ctx, s.db.Ent, in.MessageID)
	if err != nil {
		return nil, err
	}
	if err := check(SendInput{ConversationID: old.ConversationID, Text: in.Text, Agent: in.Agent, Model: in.Model}); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", Reject, Interrupt}, in.WhileBusy) {
		return nil, problem.BadField("whileBusy", "an edit takes back what is being answered: there are %s and %s", Reject, Interrupt)
	}
	if in.Model != "" {
		if err := s.checkModel(ctx, SendInput{ProjectID: old.ProjectID, Model: in.Model}); err != nil {
			return nil, err
		}
	}
	var made string
	act := func() error {
		return s.again(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			made, _, err = idempotency.Do(ctx, tx, "editMessage", in.IdempotencyKey, in, func() (string, error) {
				return s.edit(ctx, tx, viewer, in)
			})
			return err
		})
	}
	err = act()
	if errors.Is(err, errBusy) && in.WhileBusy == Interrupt {
		err = s.interrupted(ctx, viewer, in, act)
	}
	if errors.Is(err, errBusy) {
		err = problem.New(problem.Conflict, "the conversation is busy: cancel its runs first, or wait for their end")
	}
	if err != nil {
		return nil, err
	}
	faults.Point(faults.SendStored)
	return s.edited(ctx, made)
}

// errBusy says that a run of the conversation has not ended.
var errBusy = errors.New("the conversation is busy")

// interrupted does act once the conversation's runs are cancelled and their workers have
// let go of them.
func (s *Service) interrupted(ctx context.Context, viewer *access.Viewer, in EditInput, act func() error) error {
	err := s.again(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, err := s.editable(ctx, tx.Ent, viewer, in)
		if err != nil {
			return err
		}
		return s.runs.CancelAll(ctx, tx, old.ConversationID, stream.Actor{UserID: viewer.UserID})
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	look := time.NewTicker(stopLook)
	defer look.Stop()
	for {
		if err := act(); !errors.Is(err, errBusy) {
			return err
		}
		select {
		case <-ctx.Done():
			return errBusy
		case <-look.C:
		}
	}
}

// editable is the message that is to be said anew, if the viewer may.
func (s *Service) editable(ctx context.Context, client *ent.Client, viewer *access.Viewer, in EditInput) (*ent.Message, error) {
	m, err := findMessage(ctx, client, in.MessageID)
	switch {
	case err != nil:
		return nil, err
	case m.AuthorID == nil || m.Role != enum.RoleUser:
		return nil, problem.BadField("messageId", "only what a person wrote can be edited")
	case *m.AuthorID != viewer.UserID:
		return nil, &problem.Error{Code: problem.Forbidden, Field: "messageId", Message: "another person wrote this message: fork the conversation from it instead"}
	case m.Retracted:
		return nil, &problem.Error{Code: problem.Conflict, Field: "messageId", Message: "the message is out of the conversation's context already: edit the one that took its place"}
	}
	return m, nil
}

// findMessage is a message for the viewer, who needs the role EDITOR.
func findMessage(ctx context.Context, client *ent.Client, id string) (*ent.Message, error) {
	if relay.IDPrefix(id) == "" {
		return nil, problem.Missing("messageId", "message")
	}
	m, err := client.Message.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, problem.Missing("messageId", "message")
	}
	if err != nil {
		return nil, err
	}
	return m, access.RequireRole(ctx, client, m.ProjectID, enum.ProjectEditor)
}

// edit returns the ids of the new message and of the checkpoint, with a space between them.
func (s *Service) edit(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in EditInput) (string, error) {
	old, err := s.editable(ctx, tx.Ent, viewer, in)
	if err != nil {
		return "", err
	}
	// Whoever adds a message writes into the conversation's row.
	c, err := tx.Ent.Conversation.UpdateOneID(old.ConversationID).AddNextPosition(0).Save(ctx)
	if err != nil {
		return "", err
	}
	if c.DeletedAt != nil { // just now
		return "", problem.Missing("messageId", "message")
	}
	busy, err := underWay(ctx, tx, c)
	if err != nil {
		return "", err
	}
	if busy != nil {
		return "", errBusy
	}
	undo, err := s.checkpoints.Retract(ctx, tx, c, old.Position, "before a message was edited")
	if err != nil {
		return "", err
	}
	if c, err = tx.Ent.Conversation.Get(ctx, c.ID); err != nil {
		return "", err
	}
	if err := s.tell(ctx, tx, c, viewer); err != nil {
		return "", err
	}
	send := SendInput{ConversationID: c.ID, Text: in.Text, Model: in.Model, edits: old.ID}
	if send.Agent, err = s.answerer(ctx, tx, old, in); err != nil {
		return "", err
	}
	id, err := s.send(ctx, tx, viewer, send)
	return id + " " + undo.ID, err
}

// answerer is who answers an edited message.
func (s *Service) answerer(ctx context.Context, tx *store.Tx, old *ent.Message, in EditInput) (slug string, err error) {
	if slug = cmp.Or(in.Agent, mentioned(in.Text)); slug != "" {
		return slug, nil
	}
	if old.RunID == nil {
		if old.CopyOfID != "" { // a fork doesn't know any more whom it was for
			return "", nil
		}
		return noAgent, nil
	}
	r, err := tx.Ent.Run.Query().WithAgent().Where(entrun.ID(*old.RunID)).Only(ctx)
	if err != nil {
		return "", err
	}
	return r.Edges.Agent.Slug, nil
}

func (s *Service) edited(ctx context.Context, made string) (*Edited, error) {
	id, undoID, _ := strings.Cut(made, " ")
	m, r, err := s.sent(ctx, id)
	if err != nil {
		return nil, err
	}
	undo, err := s.db.Ent.Checkpoint.Get(ctx, undoID)
	if err != nil && !ent.IsNotFound(err) {
		return nil, err
	}
	return &Edited{Message: m, Run: r, Undo: undo}, nil
}
