// Package persisted is Apollo's protocol of automatic persisted queries: a client
// sends the SHA-256 of its document instead of the document, and both when it is
// told PERSISTED_QUERY_NOT_FOUND.
//
// Documents are kept in memory, by this node only, and only those that have passed
// parsing, the limits and validation. A client that meets another node sends its
// document once more. Since a document is found by its own hash, no client can put
// a document in another's place.
package persisted

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
)

const (
	// extensionName is the member of `extensions` that names a document.
	extensionName = "persistedQuery"
	// version of the protocol; there is no other.
	version = 1
	// overhead is what a kept document costs beside its bytes.
	overhead = 256
)

type hash [sha256.Size]byte

type entry struct {
	hash     hash
	document string
}

// Queries are the documents that are kept: the latest used, up to a number and a
// size. It is safe for use by many.
type Queries struct {
	count, bytes int

	mu     sync.Mutex
	used   int        // bytes
	recent *list.List // of entry, the latest used first
	byHash map[hash]*list.Element
}

// New makes room for count documents of altogether that many bytes.
func New(count, bytes int) *Queries {
	return &Queries{count: count, bytes: bytes, recent: list.New(), byHash: map[hash]*list.Element{}}
}

// Len is the number of documents that are kept.
func (q *Queries) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.recent.Len()
}

func (q *Queries) get(h hash) (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	element, ok := q.byHash[h]
	if !ok {
		return "", false
	}
	q.recent.MoveToFront(element)
	return element.Value.(entry).document, true
}

func (q *Queries) add(h hash, document string) {
	cost := len(document) + overhead
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byHash[h] != nil || cost > q.bytes {
		return
	}
	// A copy of its own: the document may be a part of a longer text.
	q.byHash[h] = q.recent.PushFront(entry{h, strings.Clone(document)})
	q.used += cost
	for q.used > q.bytes || q.recent.Len() > q.count {
		last := q.recent.Remove(q.recent.Back()).(entry)
		delete(q.byHash, last.hash)
		q.used -= len(last.document) + overhead
	}
}

// Find is the extension that puts the document in for its hash, or checks that the
// two belong together. It is to be used before any that looks at the document.
func (q *Queries) Find() graphql.HandlerExtension { return find{q} }

// Keep is the extension that keeps what a client sent with a hash. It is to be used
// after all that may refuse an operation.
func (q *Queries) Keep() graphql.HandlerExtension { return keep{q} }

type find struct{ queries *Queries }

var _ graphql.OperationParameterMutator = find{}

func (find) ExtensionName() string                   { return "PersistedQueriesFind" }
func (find) Validate(graphql.ExecutableSchema) error { return nil }

func (f find) MutateOperationParameters(_ context.Context, request *graphql.RawParams) *gqlerror.Error {
	h, given, err := read(request.Extensions)
	switch {
	case err != nil:
		return gqlreq.Error(err)
	case !given:
		return nil
	case request.Query == "":
		document, ok := f.queries.get(h)
		if !ok {
			// Clients look for exactly this message, or for the code.
			return gqlreq.Error(problem.New(problem.PersistedNotFound, "PersistedQueryNotFound"))
		}
		request.Query = document
	case sha256.Sum256([]byte(request.Query)) != h:
		return gqlreq.Error(problem.BadField("extensions.persistedQuery.sha256Hash", "sha256Hash is not the SHA-256 of query"))
	}
	return nil
}

type keep struct{ queries *Queries }

var _ graphql.OperationContextMutator = keep{}

func (keep) ExtensionName() string                   { return "PersistedQueriesKeep" }
func (keep) Validate(graphql.ExecutableSchema) error { return nil }

func (k keep) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	// find has checked that the two belong together.
	if h, given, err := read(operation.Extensions); given && err == nil {
		k.queries.add(h, operation.RawQuery)
	}
	return nil
}

// read takes the hash from a request's extensions. It reports whether one is given.
func read(extensions map[string]any) (h hash, given bool, err *problem.Error) {
	value, present := extensions[extensionName]
	if !present || value == nil {
		return h, false, nil
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return h, false, problem.BadField("extensions.persistedQuery", "persistedQuery must be an object")
	}
	if fields["version"] != int64(version) {
		return h, false, problem.BadField("extensions.persistedQuery.version", "version must be %d", version)
	}
	text, _ := fields["sha256Hash"].(string)
	if len(text) != hex.EncodedLen(len(h)) {
		return h, false, badHash()
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return h, false, badHash()
	}
	return h, true, nil
}

func badHash() *problem.Error {
	return problem.BadField("extensions.persistedQuery.sha256Hash", "sha256Hash must be 64 hexadecimal digits")
}
