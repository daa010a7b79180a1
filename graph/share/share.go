// Package share is what the schema and the transports agree on so that subscriptions
// whose results are the same are executed once for all of them.
//
// A transport that can do so puts an Offer into the context of a subscription that it
// executes. The subscription is parsed, validated, limited and authorised as any other,
// and the place where it begins is found. Then the schema, where it knows that the
// results depend on nothing but the events, takes the offer with a Subscription, and
// produces nothing itself.
//
// A shared execution is the same operation with a Source in its context, from which the
// schema takes its events instead of reading them. It asks for no rights: whoever puts
// an event in answers for it that those may see it who will. What else the execution
// reads, it reads with the rights of the viewer in its context, and without any when
// there is none.
package share

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/internal/stream"
)

// Reader is one way through a project's log: a *stream.Reader.
type Reader interface {
	Next(ctx context.Context) ([]stream.Event, error)
	Place() stream.Place
	Close()
}

// Subscription is one that may be shared.
type Subscription struct {
	// Key names its results: those of equal keys are equal, byte for byte, as long as
	// they have no errors.
	Key string
	// Project is the one whose events it tells.
	Project string
	// Reader stands where this subscriber begins. Whoever takes it closes it.
	Reader Reader
	// Live says that it begins with what happens from now on.
	Live bool
	// Follow reads the same log behind a number, or from now on (stream.FromNow).
	Follow func(ctx context.Context, after int64) (Reader, error)
	// Wants reports whether it tells of an event.
	Wants func(stream.Event) bool
	// Operation is what is executed. It is not changed.
	Operation *graphql.OperationContext
}

// Operation copies what an execution needs. Nothing of the request that it came with,
// such as its headers, is in the copy.
func Operation(o *graphql.OperationContext) *graphql.OperationContext {
	return &graphql.OperationContext{
		RawQuery: o.RawQuery, Variables: maps.Clone(o.Variables), OperationName: o.OperationName,
		Doc: o.Doc, Operation: o.Operation, DisableIntrospection: o.DisableIntrospection,
		RecoverFunc: o.RecoverFunc, ResolverMiddleware: o.ResolverMiddleware, RootResolverMiddleware: o.RootResolverMiddleware,
	}
}

// Offer is a transport's, to serve a subscription that may be shared. It also tells the
// transport how one that isn't is doing.
type Offer struct {
	taken  *Subscription
	behind atomic.Bool
}

type offerKey struct{}

// WithOffer makes an offer to what is executed with the context.
func WithOffer(ctx context.Context) (context.Context, *Offer) {
	o := new(Offer)
	return context.WithValue(ctx, offerKey{}, o), o
}

// OfferIn is the offer that was made; nil when there is none.
func OfferIn(ctx context.Context) *Offer {
	o, _ := ctx.Value(offerKey{}).(*Offer)
	return o
}

// Take leaves the subscription to the transport.
func (o *Offer) Take(s *Subscription) { o.taken = s }

// Taken is the subscription, if an offer was made and taken.
func (o *Offer) Taken() *Subscription {
	if o == nil {
		return nil
	}
	return o.taken
}

// CatchUp says, before an event is told, whether it happened before the subscription
// began: nobody is kept waiting by one that is told as slowly as the client reads.
func (o *Offer) CatchUp(behind bool) { o.behind.Store(behind) }

// CatchingUp reports whether what is told now happened before the subscription began.
func (o *Offer) CatchingUp() bool { return o != nil && o.behind.Load() }

// Source hands events to one execution, one at a time: each is put in, then the
// execution's response to it is taken.
type Source struct {
	put func(context.Context, stream.Event) error
}

type sourceKey struct{}

// WithSource makes what is executed with the context take its events from the source.
func WithSource(ctx context.Context) (context.Context, *Source) {
	s := new(Source)
	return context.WithValue(ctx, sourceKey{}, s), s
}

// SourceIn is where a subscription takes its events from; nil when it reads them itself.
func SourceIn(ctx context.Context) *Source {
	s, _ := ctx.Value(sourceKey{}).(*Source)
	return s
}

// Open is the subscription's: put takes an event without waiting.
func (s *Source) Open(put func(context.Context, stream.Event) error) { s.put = put }

// Put hands an event over. An error is the end of a subscription that can't tell of it.
func (s *Source) Put(ctx context.Context, e stream.Event) error {
	if s.put == nil {
		return errors.New("the subscription was not executed")
	}
	return s.put(ctx, e)
}
