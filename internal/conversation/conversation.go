// Package conversation is where people speak to agents. Sending a message stores
// it, the run that answers it, their events and the run's first job in one
// transaction, and returns at once.
package conversation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	entagent "github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/question"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

const (
	maxText  = 32 << 10 // bytes of a message
	maxTitle = 80       // characters of a conversation's title
	maxModel = 120      // characters of a model's name
	// noAgent speaks to the people in the project only.
	noAgent = "none"
)

// Service sends messages, and keeps conversations.
type Service struct {
	db     *store.DB
	log    *stream.Log
	runs   *run.Control
	models Models
	// questions are what agents ask: a message may answer one.
	questions   *question.Service
	files       *workspace.Workspace
	checkpoints *checkpoint.Service
}

// Options are the parts that a Service works with. It asks for runs through Queue.
type Options struct {
	DB          *store.DB
	Log         *stream.Log
	Queue       *run.Queue
	Models      Models
	Files       *workspace.Workspace
	Checkpoints *checkpoint.Service
}

// Models is where the models of a project's calls are picked.
type Models interface {
	For(ctx context.Context, projectID string) (*route.Router, error)
}

// New makes the service.
func New(o Options) *Service {
	return &Service{
		db: o.DB, log: o.Log, runs: run.NewControl(o.Log, o.Queue), models: o.Models, files: o.Files, checkpoints: o.Checkpoints,
		questions: question.New(o.DB, o.Log, o.Queue, slog.New(slog.DiscardHandler)),
	}
}

// errAgain says that the conversation has become busy, or a run has ended, between
// two looks: the whole transaction is done again.
var errAgain = errors.New("the conversation has changed meanwhile")

// maxAgain bounds how often a transaction is done again.
const maxAgain = 10

// Send stores the viewer's message, and the run that answers it unless the agent
// is "none". In a busy conversation in.WhileBusy says what happens. It needs the role
// EDITOR in the project.
func (s *Service) Send(ctx context.Context, in SendInput) (*ent.Message, *ent.Run, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := check(in); err != nil {
		return nil, nil, err
	}
	if in.Model != "" {
		if err := s.checkModel(ctx, in); err != nil {
			return nil, nil, err
		}
	}
	var id string
	err = s.again(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		id, _, err = idempotency.Do(ctx, tx, "sendMessage", in.IdempotencyKey, in, func() (string, error) {
			return s.send(ctx, tx, viewer, in)
		})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	faults.Point(faults.SendStored)
	return s.sent(ctx, id)
}

// again does act in a transaction until no other was first.
func (s *Service) again(ctx context.Context, act func(context.Context, *store.Tx) error) (err error) {
	for range maxAgain {
		err = s.db.InTx(ctx, act)
		if !errors.Is(err, errAgain) && !errors.Is(err, run.ErrMoved) {
			return err
		}
	}
	return problem.New(problem.Conflict, "the conversation is too busy: try again")
}

// sent reads a message that was stored, and the run that answers it.
func (s *Service) sent(ctx context.Context, id string) (*ent.Message, *ent.Run, error) {
	message, err := s.db.Ent.Message.Get(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("read the message again: %w", err)
	}
	if message.RunID == nil {
		return message, nil, nil
	}
	r, err := s.db.Ent.Run.Get(ctx, *message.RunID)
	if err != nil {
		return nil, nil, fmt.Errorf("read the run again: %w", err)
	}
	return message, r, nil
}

func check(in SendInput) error {
	switch {
	case strings.TrimSpace(in.Text) == "":
		return problem.BadField("text", "text is required")
	case len(in.Text) > maxText:
		return problem.BadField("text", "text is at most 32 KiB; this is %d bytes", len(in.Text))
	case !utf8.ValidString(in.Text):
		return problem.BadField("text", "text must be valid UTF-8")
	case in.ProjectID == "" && in.ConversationID == "":
		return problem.BadField("projectId", "name the project, or the conversation to go on with")
	case !slices.Contains([]string{"", Queue, Steer, Interrupt, Reject}, in.WhileBusy):
		return problem.BadField("whileBusy", "there are %s, %s, %s and %s", Queue, Steer, Interrupt, Reject)
	case in.Quick && in.Complex:
		return problem.BadField("complex", "an answer is quick or complex, not both")
	case utf8.RuneCountInString(in.Model) > maxModel:
		return problem.BadField("model", "a model's name is at most %d characters", maxModel)
	}
	if in.Agent == noAgent {
		return nil
	}
	_, err := agent.Find(in.Agent)
	return err
}

// checkModel refuses the wish for a model that the project doesn't have. Which ones it
// has is not for everyone to know.
func (s *Service) checkModel(ctx context.Context, in SendInput) error {
	projectID := in.ProjectID
	if in.ConversationID != "" {
		c, err := existing(ctx, s.db.Ent, in)
		if err != nil {
			return err
		}
		projectID = c.ProjectID
	} else if err := access.RequireRole(ctx, s.db.Ent, projectID, enum.ProjectEditor); err != nil {
		return err
	}
	models, err := s.models.For(ctx, projectID)
	if err != nil {
		return err
	}
	return models.Check(ctx, in.Model)
}

func (s *Service) send(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in SendInput) (messageID string, err error) {
	c, err := s.conversation(ctx, tx, viewer, in)
	if err != nil {
		return "", err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, c.ProjectID)
	if err != nil {
		return "", err
	}
	steered, err := s.makeWay(ctx, tx, viewer, c, in)
	if err != nil {
		return "", err
	}
	now := store.Now()
	if c, err = tx.Ent.Conversation.UpdateOneID(c.ID).AddNextPosition(1).SetUpdatedAt(now).Save(ctx); err != nil {
		return "", err
	}
	if c.DeletedAt != nil { // just now
		return "", deleted(c)
	}
	messageID = relay.NewID("msg")
	if err := s.stillSo(ctx, tx, c, steered, in); err != nil {
		return "", err
	}
	r := steered
	if r == nil && in.Agent != noAgent {
		if r, err = s.newRun(ctx, tx, viewer, c, messageID, in); err != nil {
			return "", err
		}
	}
	create := tx.Ent.Message.Create().SetID(messageID).
		SetConversationID(c.ID).SetProjectID(c.ProjectID).SetAuthorID(viewer.UserID).
		SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(in.Text).SetEditsID(in.edits).
		SetPosition(c.NextPosition - 1).SetCompletedAt(now)
	if r != nil {
		create.SetRunID(r.ID)
	}
	m, err := create.Save(ctx)
	if err != nil {
		return "", err
	}
	by := &stream.Actor{UserID: viewer.UserID}
	added := stream.Draft{Type: enum.EventMessageAdded, Payload: stream.MessagePayload{V: 1, Message: m, Actor: by}}
	if r == nil {
		s.log.Append(tx, handle, added)
		return messageID, nil
	}
	added.RunID = r.ID
	s.log.Append(tx, handle, added)
	if steered == nil {
		s.log.Append(tx, handle, stream.Draft{
			Type: enum.EventRunStateChanged, RunID: r.ID, Payload: stream.RunPayload{V: 1, Run: r, Actor: by}})
	}
	return messageID, nil
}

// conversation finds the one to go on with, or begins one.
func (s *Service) conversation(ctx context.Context, tx *store.Tx, viewer *access.Viewer, in SendInput) (*ent.Conversation, error) {
	if in.ConversationID == "" {
		if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
			return nil, err
		}
		return tx.Ent.Conversation.Create().SetProjectID(in.ProjectID).SetAuthorID(viewer.UserID).
			SetTitle(title(in.Text)).Save(ctx)
	}
	return existing(ctx, tx.Ent, in)
}

// existing is the conversation that is gone on with, where the viewer may.
func existing(ctx context.Context, client *ent.Client, in SendInput) (*ent.Conversation, error) {
	c, err := find(ctx, client, in.ConversationID)
	if err != nil {
		return nil, err
	}
	switch {
	case in.ProjectID != "" && in.ProjectID != c.ProjectID:
		return nil, problem.Missing("conversationId", "conversation")
	case in.OwnBranch && c.Branch != "":
		return nil, problem.BadField("ownBranch", "this conversation is a fork and has a branch of its own already: %s", c.Branch)
	}
	return c, nil
}

func (s *Service) newRun(ctx context.Context, tx *store.Tx, viewer *access.Viewer, c *ent.Conversation, messageID string, in SendInput) (*ent.Run, error) {
	role, err := agent.Find(cmp.Or(in.Agent, mentioned(in.Text)))
	if err != nil {
		return nil, err
	}
	worker, err := tx.Ent.Agent.Query().Where(entagent.Slug(role.Slug)).Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("find agent %s: %w", role.Slug, err)
	}
	return s.runs.Start(ctx, tx, run.Order{
		ProjectID: c.ProjectID, ConversationID: c.ID, AgentID: worker.ID, MessageID: messageID,
		UserID: viewer.UserID, Model: in.Model, Tier: tier(in), First: in.WhileBusy == Interrupt, Branch: c.Branch, OwnBranch: in.OwnBranch,
	})
}

// tier is the one that the sender wished for.
func tier(in SendInput) string {
	switch {
	case in.Quick:
		return string(route.Quick)
	case in.Complex:
		return string(route.Complex)
	}
	return ""
}

// title is the first line of the text, cut at a word.
func title(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(line)
	if utf8.RuneCountInString(line) <= maxTitle {
		return line
	}
	short := string([]rune(line)[:maxTitle-1])
	if i := strings.LastIndexByte(short, ' '); i > maxTitle/2 {
		short = short[:i]
	}
	return short + "…"
}
