// Package gqlreq is what the HTTP and the WebSocket transport agree on: how the
// parameters of a GraphQL request are read, how an error that prevents its
// execution reads to the client, and how a response is written.
//
// Nothing here repeats what a client sent at length, and nothing names a Go type.
package gqlreq
