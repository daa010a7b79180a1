// Package sseproto serves GraphQL over server-sent events: graphql-sse's "distinct
// connections mode", by POST and by GET. Each execution result is a `next` event,
// whose id is the cursor of what it tells, and `complete` is the last.
//
// A request that is refused before its document is looked at is answered with
// JSON and a status, and so is what may be repeated unchanged later (429, 503):
// clients try those again. Every other answer is a stream, request errors too, as
// the protocol has it: EventSource shows its page nothing of a failed request.
//
// A stream without `complete` at its end is to be resumed. EventSource does it by
// itself: it repeats its request with the last id as Last-Event-ID, which stands
// in for the subscription's argument `after`. That is how a stream ends whose
// client reads too slowly, whose credentials have ended or whose server goes away.
//
// The handler's goroutine is the writer; a second one executes the operation, unless
// others watch the same: then it ends as soon as the subscription has been told what has
// happened before. Between them is an outbox, bounded as a WebSocket's. Both end with
// the request.
package sseproto
