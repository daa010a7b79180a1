package faulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/zeblit/zeblit/internal/client"
)

// Load is people at work: each conversation sends one task after the other, at most
// two at a time, and each project has subscribers.
type Load struct {
	in       *Installation
	clients  []*client.Client // one for each server
	Projects []*Project
	ctx      context.Context // of the subscribers
	leave    context.CancelFunc
	watching sync.WaitGroup
	quiet
	brief bool // conversations end after a few tasks

	mu     sync.Mutex
	refuse []string // what no fault excuses
	errors []outcome
	sent   []*Sent
	noted  []string // texts of notes that were accepted, which must be there
}

// Project is one project under load.
type Project struct {
	ID       string
	watchers []*watcher

	mu   sync.Mutex
	next int // task
}

// Sent is a message that was accepted.
type Sent struct {
	Project, Conversation, Message, Run string
	Text                                string
	Task                                int
	At                                  time.Time // of the answer
}

// outcome is an attempt that failed, which an outage may excuse.
type outcome struct {
	at  time.Time
	err error
}

const sendMutation = `mutation($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id text conversation { id } } run { id } }
}`

// NewLoad makes projects. Watch gives them subscribers.
func NewLoad(ctx context.Context, in *Installation, projects int) (*Load, error) {
	l := &Load{in: in, quiet: quiet{calm: make(chan struct{})}}
	l.ctx, l.leave = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range in.Servers {
		c, err := client.New(client.Options{URL: s.url, Key: in.Key, GiveUpAfter: 10 * time.Minute})
		if err != nil {
			return nil, err
		}
		l.clients = append(l.clients, c)
	}
	for i := range projects {
		p, err := l.clients[0].CreateProject(ctx, fmt.Sprintf("Load %d", i))
		if err != nil {
			return nil, err
		}
		l.Projects = append(l.Projects, &Project{ID: p.ID})
	}
	return l, nil
}

// tasksOfBrief is how many tasks a brief conversation has: with long answers its
// transcript would become all that the workers do.
const tasksOfBrief = 4

// talk chooses tasks with longer answers.
func (l *Load) talk(chat int) {
	l.brief = chat > 0
	for _, p := range l.Projects {
		p.next = chat * 1000
	}
}

// Converse keeps conversations going in each project, each until enough says so, and
// returns when all that was sent has been answered, or ctx ends.
func (l *Load) Converse(ctx context.Context, conversations int, enough func(sent int) bool) {
	var group sync.WaitGroup
	for i, p := range l.Projects {
		for k := range conversations {
			group.Go(func() { l.converse(ctx, p, i+k, enough) })
		}
	}
	group.Wait()
}

func (l *Load) converse(ctx context.Context, p *Project, server int, enough func(int) bool) {
	var open []*Sent
	conversation := ""
	for n := 0; !enough(n) && ctx.Err() == nil; n++ {
		if l.brief && n%tasksOfBrief == 0 {
			conversation = ""
		}
		p.mu.Lock()
		task := p.next
		p.next++
		p.mu.Unlock()
		text := taskText(task, rand.Text())
		s, err := l.send(ctx, p.ID, conversation, text, rand.Text(), server+n)
		if err != nil {
			l.problem("send: %v", err)
			return
		}
		s.Project, s.Task, conversation = p.ID, task, s.Conversation
		l.mu.Lock()
		l.sent = append(l.sent, s)
		l.mu.Unlock()
		if mrand.IntN(4) == 0 {
			l.again(ctx, s, conversation, n > 0)
		}
		if open = append(open, s); len(open) == 2 {
			l.answered(ctx, open[0])
			open = open[1:]
		}
	}
	for _, s := range open {
		l.answered(ctx, s)
	}
}

// again sends a message with a key twice more: both must come to the same.
func (l *Load) again(ctx context.Context, s *Sent, conversation string, goesOn bool) {
	if !goesOn {
		conversation = ""
	}
	key, text := rand.Text(), note+" ("+rand.Text()+")"
	input := sendInput(s.Project, conversation, text, key)
	input["agent"] = "none"
	one, err := l.try(ctx, input, 0)
	two, err2 := l.try(ctx, input, 1)
	if err := errors.Join(err, err2); err != nil {
		l.problem("send a note: %v", err)
	} else if one.Message != two.Message {
		l.problem("the same key made two messages: %s and %s", one.Message, two.Message)
	}
}

// send sends until a server accepts it, always with the same key.
func (l *Load) send(ctx context.Context, project, conversation, text, key string, server int) (*Sent, error) {
	return l.try(ctx, sendInput(project, conversation, text, key), server)
}

func sendInput(project, conversation, text, key string) map[string]any {
	input := map[string]any{"text": text, "agent": "engineer", "idempotencyKey": key}
	if conversation == "" {
		input["projectId"] = project
	} else {
		input["conversationId"] = conversation
	}
	return input
}

func (l *Load) try(ctx context.Context, input map[string]any, server int) (*Sent, error) {
	for n := 0; ; n++ {
		s, err := l.once(ctx, input, server+n)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !excusable(err) {
			return nil, err
		}
		l.mu.Lock()
		l.errors = append(l.errors, outcome{time.Now(), err})
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(100+mrand.IntN(200)) * time.Millisecond):
		}
	}
}

// once sends one request to one server.
func (l *Load) once(ctx context.Context, input map[string]any, server int) (*Sent, error) {
	var out struct {
		SendMessage struct {
			Message struct {
				ID, Text     string
				Conversation struct{ ID string }
			}
			Run *struct{ ID string }
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := l.clients[server%len(l.clients)].Do(ctx, sendMutation, map[string]any{"input": input}, &out); err != nil {
		return nil, err
	}
	m := out.SendMessage.Message
	if m.Text != input["text"] {
		return nil, fmt.Errorf("sent %q, the answer says %q", input["text"], m.Text)
	}
	s := &Sent{Conversation: m.Conversation.ID, Message: m.ID, Text: m.Text, At: time.Now()}
	s.Project, _ = input["projectId"].(string)
	if r := out.SendMessage.Run; r != nil {
		s.Run = r.ID
	}
	return s, nil
}

// excusable reports whether an error may be due to a fault, so that a client would
// send again.
func excusable(err error) bool {
	var unreachable *client.UnreachableError
	return errors.As(err, &unreachable) || errors.Is(err, context.DeadlineExceeded) ||
		client.IsCode(err, "INTERNAL") || client.IsCode(err, "UNAVAILABLE")
}

// reason says in a word why a request was sent again.
func reason(err error) string {
	var refusal *client.GraphQLError
	var unreachable *client.UnreachableError
	switch {
	case errors.As(err, &refusal):
		return refusal.Extensions.Code
	case errors.As(err, &unreachable):
		var system syscall.Errno
		if errors.As(unreachable.Err, &system) {
			return system.Error()
		}
		return unreachable.Err.Error()
	}
	return err.Error()
}

// answered waits until the message's run has ended.
func (l *Load) answered(ctx context.Context, s *Sent) {
	for ctx.Err() == nil {
		var state string
		err := l.in.db.QueryRowContext(ctx, "SELECT state FROM runs WHERE id = $1", s.Run).Scan(&state)
		if err == nil && final(state) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(150 * time.Millisecond):
		}
	}
}

func final(state string) bool {
	return state == "SUCCEEDED" || state == "FAILED" || state == "CANCELLED"
}

func (l *Load) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = append(l.refuse, fmt.Sprintf(format, args...))
}

// Sent are the messages that were accepted so far.
func (l *Load) Sent() []*Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Sent(nil), l.sent...)
}
