package graph

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/graph/share"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/stream"
)

// recheckEvery is how long a member who was removed may still hear of a project.
const recheckEvery = 2 * time.Second

// filter is which events of a project a subscription tells of. A STREAM_RESET always
// comes.
type filter struct {
	types []enum.EventType // nil: of all types
	runID string           // "": of all runs
}

func (f filter) wants(e stream.Event) bool {
	switch {
	case e.Type == enum.EventStreamReset:
		return true
	case f.runID != "":
		return e.RunID == f.runID
	}
	return f.types == nil || slices.Contains(f.types, e.Type)
}

// key is the same for filters that want the same.
func (f filter) key() string {
	types := slices.Compact(slices.Sorted(slices.Values(f.types)))
	return fmt.Sprintf("%q %t %q", f.runID, f.types == nil, types)
}

// subscribe yields the project's events that the filter wants, until ctx ends or the
// viewer may no longer read the project. Where the transport offers to share what is the
// same for many, and this is, it is left to the transport and yields nothing.
func (r *Resolver) subscribe(ctx context.Context, projectID string, after *string, f filter) (<-chan model.ProjectEvent, error) {
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
	if offer := share.OfferIn(ctx); offer != nil {
		if key, ok := snapshotKey(ctx); ok {
			return nil, r.take(ctx, offer, key, handle, from, f)
		}
	}
	head := int64(0) // the latest event of before it begins
	if after != nil {
		if head, _, err = r.Log.Head(ctx, handle); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	events, err := r.Hub.Subscribe(ctx, handle, from, f.wants)
	if err != nil {
		cancel()
		return nil, err
	}
	out := make(chan model.ProjectEvent) // no room: the transport's queue is the only one
	go func() {
		defer close(out)
		defer cancel()
		if err := r.forward(ctx, projectID, head, events, out); err != nil && ctx.Err() == nil {
			endWith(ctx, err)
		}
	}()
	return out, nil
}

// take leaves a subscription to the transport, from where it begins.
func (r *Resolver) take(ctx context.Context, offer *share.Offer, key string, handle access.StreamHandle, from int64, f filter) error {
	follow := func(ctx context.Context, after int64) (share.Reader, error) {
		reader, err := r.Hub.Follow(ctx, handle, after)
		if err != nil {
			return nil, err // and no reader that is a nil one
		}
		return reader, nil
	}
	reader, err := follow(ctx, from)
	if err != nil {
		return err
	}
	offer.Take(&share.Subscription{
		Key: handle.Project() + " " + f.key() + " " + key, Project: handle.Project(),
		Reader: reader, Live: from == stream.FromNow, Follow: follow, Wants: f.wants,
		Operation: share.Operation(graphql.GetOperationContext(ctx)),
	})
	return nil
}

// fed yields what is put into the source.
func (r *Resolver) fed(source *share.Source) <-chan model.ProjectEvent {
	out := make(chan model.ProjectEvent, 1) // each is taken before the next is put in
	source.Open(func(ctx context.Context, e stream.Event) error {
		made, err := r.event(ctx, e)
		if err == nil {
			out <- made
		}
		return err
	})
	return out
}

// forward returns nil when ctx ends, else why it can't go on.
func (r *Resolver) forward(ctx context.Context, projectID string, head int64, events <-chan stream.Event, out chan<- model.ProjectEvent) error {
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
			if offer := share.OfferIn(ctx); offer != nil {
				offer.CatchUp(e.Seq <= head)
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
