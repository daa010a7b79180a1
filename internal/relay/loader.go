package relay

import (
	"context"
	"errors"
	"time"

	"github.com/vikstrous/dataloadgen"
)

// batchWait is how long a loader waits for more ids to ask for at once.
const batchWait = time.Millisecond

// Loader reads objects by id, many at once, and each only once. It belongs to
// one request: it never forgets.
type Loader[T any] struct {
	inner *dataloadgen.Loader[string, T]
}

// NewLoader makes a Loader over a query for the objects of some ids; those that
// it doesn't find are left out.
func NewLoader[T any](id func(T) string, fetch func(ctx context.Context, ids []string) ([]T, error)) *Loader[T] {
	return &Loader[T]{dataloadgen.NewMappedLoader(func(ctx context.Context, ids []string) (map[string]T, error) {
		found, err := fetch(ctx, ids)
		if err != nil {
			return nil, err
		}
		byID := make(map[string]T, len(found))
		for _, node := range found {
			byID[id(node)] = node
		}
		return byID, nil
	}, dataloadgen.WithWait(batchWait), dataloadgen.WithBatchCapacity(1000))}
}

// Load returns the object of id; found is false when there is none for the viewer.
func (l *Loader[T]) Load(ctx context.Context, id string) (node T, found bool, err error) {
	node, err = l.inner.Load(ctx, id)
	if errors.Is(err, dataloadgen.ErrNotFound) {
		return node, false, nil
	}
	return node, err == nil, err
}
