package graph

import (
	"context"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/stream"
)

// recheckEvery is how long a member who was removed may still hear of a project.
const recheckEvery = 2 * time.Second

// subscribe yields the project's events that keep wants, and every STREAM_RESET,
// until ctx ends or the viewer may no longer read the project.
func (r *Resolver) subscribe(ctx context.Context, projectID string, after *string, keep func(stream.Event) bool) (<-chan model.ProjectEvent, error) {
	handle, err := access.StreamReader(ctx, r.DB.Ent, projectID)
	if err != nil {
		return nil, err
	}
	from := stream.FromNow
	if after != nil {
		if from, err = stream.ParseCursor(projectID, *after); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	events, err := r.Hub.Subscribe(ctx, handle, from, func(e stream.Event) bool {
		return e.Type == enum.EventStreamReset || keep(e)
	})
	if err != nil {
		cancel()
		return nil, err
	}
	out := make(chan model.ProjectEvent) // no room: the transport's queue is the only one
	go func() {
		defer close(out)
		defer cancel()
		if err := r.forward(ctx, projectID, events, out); err != nil && ctx.Err() == nil {
			endWith(ctx, err)
		}
	}()
	return out, nil
}

// forward returns nil when ctx ends, else why it can't go on.
func (r *Resolver) forward(ctx context.Context, projectID string, events <-chan stream.Event, out chan<- model.ProjectEvent) error {
	recheck := time.NewTicker(recheckEvery)
	defer recheck.Stop()
	for {
		var made model.ProjectEvent
		select {
		case <-ctx.Done():
			return nil
		case <-recheck.C:
			if err := r.mayStillRead(ctx, projectID); err != nil {
				return err
			}
			continue
		case e, ok := <-events:
			if !ok {
				if err := r.mayStillRead(ctx, projectID); err != nil {
					return err
				}
				return problem.New(problem.Unavailable, "the stream of events ended: subscribe again after your last cursor")
			}
			var err error
			if made, err = r.event(ctx, e); err != nil {
				return err
			}
		}
		for sent := false; !sent; {
			select {
			case <-ctx.Done():
				return nil
			case <-recheck.C:
				if err := r.mayStillRead(ctx, projectID); err != nil {
					return err
				}
			case out <- made:
				sent = true
			}
		}
	}
}

// mayStillRead returns the problem of a viewer who lost the project. While the
// database can't be asked, nothing new comes from it either.
func (r *Resolver) mayStillRead(ctx context.Context, projectID string) error {
	_, err := access.StreamReader(ctx, r.DB.Ent, projectID)
	if p := problem.As(err); p != nil {
		return p
	}
	if err != nil && ctx.Err() == nil {
		r.Logger.WarnContext(ctx, "the right to a subscription could not be checked", "project", projectID, "error", err)
	}
	return nil
}
