package server

import (
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/zeblit/zeblit/internal/server/limits"
	"github.com/zeblit/zeblit/internal/server/persisted"
)

// How many persisted queries a node keeps, and how many bytes of them.
const (
	persistedCount = 1000
	persistedBytes = 4 << 20
)

// Protect makes exec fit for strangers, the same through every door: it bounds what
// an operation may cost, keeps persisted queries, and answers questions about the
// schema only with introspection, without which errors suggest nothing either.
func Protect(exec *executor.Executor, introspection bool) {
	queries := persisted.New(persistedCount, persistedBytes)
	exec.Use(queries.Find()) // first: what it puts in is measured too
	exec.Use(limits.Limits{})
	exec.Use(limits.Introspection(introspection))
	exec.Use(&limits.Cost{})
	exec.Use(queries.Keep()) // last: only what may be executed is kept
	limits.SetRules(exec, introspection)
}
