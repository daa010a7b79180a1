package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/enum"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// pollEvery is how often a host looks for work that nobody told it of: commands that
	// other nodes accepted, signals, wishes, runs that were cancelled.
	pollEvery = 400 * time.Millisecond
	// beatEvery is how often a host renews what it holds, and heldFor is for how long.
	beatEvery = 1500 * time.Millisecond
	heldFor   = 6 * time.Second
	// atOnce is how many commands a claim looks at.
	atOnce = 32
	// perProject is how many commands of one project run at once; others wait.
	perProject = 16
	// politeness is how long a command waits for the host that has its project's files
	// stopped, before another makes a new sandbox.
	politeness = 3 * time.Second
)

var (
	// errNotMine: the command has ended for the database; another host has taken over.
	errNotMine = errors.New("the command is no longer this host's")
	errStopped = errors.New("the worker stops")
)

// HostOptions are what a Host works with, and its bounds.
type HostOptions struct {
	Service *Service
	// Open opens what makes sandboxes, at the first command. Its error is why commands are
	// refused.
	Open func(context.Context) (sandbox.Driver, error)
	// Installation is the database's own name, Node the machine's and data folder's.
	Installation, Node string
	Limits             sandbox.Limits
	// Image chooses a container's image by the template that its project started from, ""
	// for none; what it returns may be "", for the driver's own. nil always does that.
	// Bubblewrap has no images.
	Image func(template string) string
	// IdleStop is after how long without a command a sandbox is stopped: 15 minutes by
	// default. Processes in the background keep it for four times as long.
	IdleStop time.Duration
	// Beside is how many bytes of ignored files are kept beside a branch: 64 MiB by default.
	Beside int64
	// Drain is how long commands may go on when the worker is stopped: 10 seconds by
	// default; negative: not at all.
	Drain time.Duration
	// RecordFor is how long it is tried to record a command's end before the command is
	// given up: 2 minutes by default.
	RecordFor time.Duration
	// StopFor is how long a host that stops holds its sandboxes after it has cut its commands:
	// 5 minutes by default. When one hangs for longer, others may have them all.
	StopFor time.Duration
}

// Host runs commands on this machine. A process has one at most.
type Host struct {
	*Service
	o      HostOptions
	id     string
	logger *slog.Logger

	mu    sync.Mutex
	boxes map[string]*box // by project
	busy  map[string]int  // commands under way, by project

	opening sync.Mutex
	driver  sandbox.Driver // nil until the first command
	failed  error          // why it could not be opened
	again   time.Time      // when that is tried again
	tasks   sync.WaitGroup // commands and wishes under way
}

// NewHost makes a host; Run sets it to work.
func NewHost(o HostOptions) *Host {
	if o.IdleStop <= 0 {
		o.IdleStop = 15 * time.Minute
	}
	if o.Beside == 0 {
		o.Beside = maxBeside
	}
	if o.Drain == 0 {
		o.Drain = 10 * time.Second
	}
	if o.StopFor == 0 {
		o.StopFor = 5 * time.Minute
	}
	if o.RecordFor == 0 {
		o.RecordFor = 2 * time.Minute
	}
	id := relay.NewID("hst")
	return &Host{Service: o.Service, o: o, id: id, logger: o.Service.logger.With("host", id), boxes: map[string]*box{}, busy: map[string]int{}}
}

// Run works until ctx ends. It then lets commands finish for a while, ends those that
// don't, and stops its sandboxes, so that their files are kept. What it holds is renewed
// until all of that is done, if it is done in time: another host would else take it for
// dead meanwhile.
func (h *Host) Run(ctx context.Context) error {
	work, cut := context.WithCancelCause(access.As(context.WithoutCancel(ctx), access.Commands))
	defer cut(nil)
	beating, stopBeating := context.WithCancel(context.WithoutCancel(work))
	defer stopBeating()
	var beats, loops, wishing sync.WaitGroup
	beats.Go(func() { h.every(beating, beatEvery, h.beat) })
	loops.Go(func() { h.every(work, beatEvery, h.tend) })
	loops.Go(func() { attend(work, h.cuts, h.try(h.poll)) })
	accepting := access.As(ctx, access.Commands)
	wishing.Go(func() {
		h.every(accepting, pollEvery, func(ctx context.Context) error { return h.wishes(ctx, work) })
	})
	h.accept(accepting, work)
	wishing.Wait()

	ended := make(chan struct{}) // closed when no command and no wish is under way
	loops.Go(func() {
		h.tasks.Wait()
		close(ended)
	})
	select {
	case <-ended:
	case <-time.After(max(h.o.Drain, 0)):
	}
	cut(errStopped)
	late := time.AfterFunc(h.o.StopFor, stopBeating)
	defer late.Stop()
	<-ended
	loops.Wait()
	h.stopAll(access.As(context.WithoutCancel(ctx), access.Commands))
	stopBeating()
	beats.Wait()
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.driver != nil {
		return h.driver.Close()
	}
	return nil
}

// openAgain is how long a driver that doesn't work is left alone.
const openAgain = 30 * time.Second

// sandboxes is what makes them. What an earlier process of this node has left behind is
// cleared away when it is opened.
func (h *Host) sandboxes(ctx context.Context) (sandbox.Driver, error) {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.driver != nil || time.Now().Before(h.again) {
		return h.driver, h.failed
	}
	driver, err := h.o.Open(ctx)
	if err != nil {
		h.failed, h.again = err, time.Now().Add(openAgain)
		h.logger.WarnContext(ctx, "commands can't run here", "error", err)
		return nil, err
	}
	h.driver, h.failed = driver, nil
	if err := h.reap(ctx, driver); err != nil {
		h.logger.WarnContext(ctx, "sandboxes that nobody needs could not be cleared away", "error", err)
	}
	return driver, nil
}

func (h *Host) every(ctx context.Context, period time.Duration, act func(context.Context) error) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.try(act)(ctx)
	}
}

// try is act, with what fails in the log.
func (h *Host) try(act func(context.Context) error) func(context.Context) {
	return func(ctx context.Context) {
		if err := act(ctx); err != nil && ctx.Err() == nil {
			h.logger.WarnContext(ctx, "sandboxes are looked after again in a moment", "error", err)
		}
	}
}

// accept claims commands until ctx ends; they run below work.
func (h *Host) accept(ctx, work context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := h.claimAll(ctx, work); err != nil && ctx.Err() == nil {
			h.logger.WarnContext(ctx, "commands are looked for again in a moment", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-h.hints:
		}
	}
}

func (h *Host) claimAll(ctx, work context.Context) error {
	for {
		queued, err := h.db.Ent.Command.Query().Where(command.StateEQ(enum.CommandQueued)).
			Where(h.eligible, h.slow, command.ProjectIDNotIn(h.full()...)).Order(ent.Asc(command.FieldID)).Limit(atOnce).All(ctx)
		if err != nil {
			return fmt.Errorf("look for commands: %w", err)
		}
		for _, c := range queued {
			if slices.Contains(h.full(), c.ProjectID) {
				continue
			}
			if err := h.claim(ctx, work, c); err != nil {
				return err
			}
		}
		if len(queued) < atOnce {
			return nil
		}
	}
}

// eligible leaves out the commands of projects whose sandbox another host holds, and for
// a moment those whose files are stopped on another machine.
func (h *Host) eligible(s *sql.Selector) {
	now := store.NowMillis(h.db.Dialect)
	box := sql.Table(entsandbox.Table).As("box")
	s.Where(sql.NotExists(sql.Select(box.C(entsandbox.FieldID)).From(box).Where(sql.And(
		sql.ColumnsEQ(box.C(entsandbox.FieldProjectID), s.C(command.FieldProjectID)),
		sql.Or(
			sql.And(
				sql.NEQ(box.C(entsandbox.FieldHolder), h.id),
				sql.ExprP("box."+entsandbox.FieldHeldUntil+" > "+now),
			),
			sql.And(
				sql.EQ(box.C(entsandbox.FieldState), enum.SandboxStopped),
				sql.NEQ(box.C(entsandbox.FieldNode), h.o.Node),
				sql.GT(s.C(command.FieldCreatedAt), store.Now().Add(-politeness)),
			),
		),
	))))
}

// slow lets a host on which no sandbox works wait: another may have one.
func (h *Host) slow(s *sql.Selector) {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.failed != nil {
		s.Where(sql.LT(s.C(command.FieldCreatedAt), store.Now().Add(-politeness/3)))
	}
}

// claim takes a command, if nobody has, and runs it.
func (h *Host) claim(ctx, work context.Context, c *ent.Command) error {
	n, err := h.db.Ent.Command.Update().Where(command.ID(c.ID), command.StateEQ(enum.CommandQueued)).
		SetState(enum.CommandRunning).SetHolder(h.id).SetStartedAt(store.Now()).Save(ctx)
	if err != nil || n == 0 {
		return err
	}
	if c, err = h.db.Ent.Command.Get(ctx, c.ID); err != nil {
		return err
	}
	h.count(c.ProjectID, 1)
	h.tasks.Go(func() {
		defer func() {
			h.count(c.ProjectID, -1)
			h.hint()
		}()
		h.execute(work, c)
	})
	return nil
}

func (h *Host) count(projectID string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[projectID] += n; h.busy[projectID] == 0 {
		delete(h.busy, projectID)
	}
}

// full lists the projects that have as many commands under way as may be.
func (h *Host) full() (projects []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, n := range h.busy {
		if n >= perProject {
			projects = append(projects, id)
		}
	}
	return projects
}

// idle reports whether this host runs no command.
func (h *Host) idle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.busy) == 0
}

// box is the project's sandbox as this host has it; one that isn't held is not open.
func (h *Host) box(projectID string) *box {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.boxes[projectID]
	if b == nil {
		b = &box{host: h, project: projectID, worktrees: map[string]*worktree{}, running: map[string]*task{}}
		h.boxes[projectID] = b
	}
	return b
}

func (h *Host) held() []*box {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*box, 0, len(h.boxes))
	for _, b := range h.boxes {
		all = append(all, b)
	}
	return all
}
