package relay

import (
	"context"
	"slices"
	"strconv"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// DefaultPage is the size of a page when the client says none.
	DefaultPage = 20
	// MaxPage is the size of the largest page.
	MaxPage = 100
)

// Connection is a page of a list.
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo *PageInfo
}

// Nodes are the page's objects without their cursors.
func (c *Connection[T]) Nodes() []T {
	nodes := make([]T, len(c.Edges))
	for i, edge := range c.Edges {
		nodes[i] = edge.Node
	}
	return nodes
}

// Edge is an object in a page.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// PageInfo is where a page stands in its list.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Args are the arguments of a connection.
type Args struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// limit is the size of the page and whether it is counted from the end.
// Forward is the limit of a list that can only be walked from its start.
func (a Args) Forward() (int, error) {
	n, _, err := a.limit()
	return n, err
}

func (a Args) limit() (n int, backwards bool, err error) {
	n, field := DefaultPage, "first"
	switch {
	case a.First != nil && a.Last != nil:
		return 0, false, problem.BadField("last", "give first or last, not both")
	case a.First != nil:
		n = *a.First
	case a.Last != nil:
		n, field, backwards = *a.Last, "last", true
	}
	if n < 0 || n > MaxPage {
		return 0, false, problem.BadField(field, "%s is a number from 0 to %d", field, MaxPage)
	}
	return n, backwards, nil
}

// Order is a total order of T: by Column and, among equals, by id. An empty
// Column orders by id alone, which is the order of creation.
type Order[T any] struct {
	// Name tells the order's cursors from others'.
	Name   string
	Column string
	Desc   bool
	// Number says that Column holds integers, else it holds text.
	Number bool
	Value  func(T) string
	ID     func(T) string
}

// ByID is the order of creation.
func ByID[T any](name string, desc bool, id func(T) string) Order[T] {
	return Order[T]{Name: name, Desc: desc, ID: id}
}

func (o Order[T]) position(node T) position {
	p := position{order: o.Name, id: o.ID(node)}
	if o.Column != "" {
		p.value = o.Value(node)
	}
	return p
}

// column is an expression that compares text by code point on both databases.
func (o Order[T]) column(s *sql.Selector) string {
	if o.Number || s.Dialect() != dialect.Postgres {
		return s.C(o.Column)
	}
	return s.C(o.Column) + ` COLLATE "C"`
}

// sort orders s; backwards turns the order round.
func (o Order[T]) sort(s *sql.Selector, backwards bool) {
	direction := " ASC"
	if o.Desc != backwards {
		direction = " DESC"
	}
	if o.Column != "" {
		s.OrderExpr(sql.Raw(o.column(s) + direction))
	}
	s.OrderExpr(sql.Raw(s.C("id") + direction))
}

// beyond keeps the rows after p, or before it.
func (o Order[T]) beyond(p position, before bool) func(*sql.Selector) {
	op := sql.OpGT
	if o.Desc != before {
		op = sql.OpLT
	}
	return func(s *sql.Selector) {
		if o.Column == "" {
			s.Where(sql.P().Append(func(b *sql.Builder) { b.WriteString(s.C("id")).WriteOp(op).Arg(p.id) }))
			return
		}
		var value any = p.value
		if o.Number {
			value, _ = strconv.ParseInt(p.value, 10, 64) // read checked it
		}
		column := o.column(s)
		s.Where(sql.P().Append(func(b *sql.Builder) {
			b.WriteString("(" + column).WriteOp(op).Arg(value)
			b.WriteString(" OR (" + column).WriteOp(sql.OpEQ).Arg(value)
			b.WriteString(" AND " + s.C("id")).WriteOp(op).Arg(p.id).WriteString("))")
		}))
	}
}

func (o Order[T]) read(cursor, field string) (position, error) {
	p, err := parsePosition(o.Name, cursor, field)
	if err != nil || !o.Number {
		return p, err
	}
	if _, err := strconv.ParseInt(p.value, 10, 64); err != nil {
		return position{}, problem.BadField(field, "this is no cursor of this list in this order")
	}
	return p, nil
}

// query is what every generated query has.
type query[Q any, P, O ~func(*sql.Selector), T any] interface {
	Where(...P) Q
	Order(...O) Q
	Limit(int) Q
	All(context.Context) ([]T, error)
}

// Page reads the page of q that args ask for, in one statement.
func Page[Q query[Q, P, O, T], P, O ~func(*sql.Selector), T any](ctx context.Context, q Q, order Order[T], args Args) (*Connection[T], error) {
	n, backwards, err := args.limit()
	if err != nil {
		return nil, err
	}
	bounds := []struct {
		cursor *string
		field  string
		before bool
	}{{args.After, "after", false}, {args.Before, "before", true}}
	for _, b := range bounds {
		if b.cursor == nil {
			continue
		}
		p, err := order.read(*b.cursor, b.field)
		if err != nil {
			return nil, err
		}
		q = q.Where(P(order.beyond(p, b.before)))
	}
	q = q.Order(O(func(s *sql.Selector) { order.sort(s, backwards) })).Limit(n + 1)
	nodes, err := q.All(ctx)
	if err != nil {
		return nil, err
	}
	more := len(nodes) > n
	nodes = nodes[:min(n, len(nodes))]
	if backwards {
		slices.Reverse(nodes)
	}
	page := NewConnection(nodes, func(node T) string { return order.position(node).cursor() })
	page.PageInfo.HasNextPage, page.PageInfo.HasPreviousPage = more, args.After != nil
	if backwards {
		page.PageInfo.HasNextPage, page.PageInfo.HasPreviousPage = args.Before != nil, more
	}
	return page, nil
}

// NewConnection makes a page of nodes.
func NewConnection[T any](nodes []T, cursor func(T) string) *Connection[T] {
	page := &Connection[T]{Edges: make([]*Edge[T], len(nodes)), PageInfo: &PageInfo{}}
	for i, node := range nodes {
		page.Edges[i] = &Edge[T]{Cursor: cursor(node), Node: node}
	}
	if len(nodes) > 0 {
		page.PageInfo.StartCursor = &page.Edges[0].Cursor
		page.PageInfo.EndCursor = &page.Edges[len(nodes)-1].Cursor
	}
	return page
}

// Forward reads the page of a list that can only be walked from its start: list
// returns up to limit objects after the one with that id.
func Forward[T any](order string, first *int, after *string, id func(T) string, list func(after string, limit int) ([]T, bool, error)) (*Connection[T], error) {
	n, _, err := Args{First: first}.limit()
	if err != nil {
		return nil, err
	}
	start := ""
	if after != nil {
		if start, err = ParseCursor(order, *after, "after"); err != nil {
			return nil, err
		}
		if start == "" {
			return nil, problem.BadField("after", "this is no cursor of this list in this order")
		}
	}
	nodes, more, err := list(start, n)
	if err != nil {
		return nil, err
	}
	page := NewConnection(nodes, func(node T) string { return Cursor(order, id(node)) })
	page.PageInfo.HasNextPage, page.PageInfo.HasPreviousPage = more, after != nil
	return page, nil
}

// Slice is the page of a list that is in memory as a whole.
func Slice[T any](order string, nodes []T, id func(T) string, args Args) (*Connection[T], error) {
	n, backwards, err := args.limit()
	if err != nil {
		return nil, err
	}
	from, to := 0, len(nodes)
	if args.After != nil {
		i, err := find(order, *args.After, "after", nodes, id)
		if err != nil {
			return nil, err
		}
		from = i + 1
	}
	if args.Before != nil {
		if to, err = find(order, *args.Before, "before", nodes, id); err != nil {
			return nil, err
		}
	}
	to = max(from, to)
	if backwards {
		from = max(from, to-n)
	} else {
		to = min(to, from+n)
	}
	page := NewConnection(nodes[from:to], func(node T) string { return Cursor(order, id(node)) })
	page.PageInfo.HasNextPage, page.PageInfo.HasPreviousPage = to < len(nodes), from > 0
	return page, nil
}

func find[T any](order, cursor, field string, nodes []T, id func(T) string) (int, error) {
	wanted, err := parsePosition(order, cursor, field)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(nodes, func(node T) bool { return id(node) == wanted.id })
	if i < 0 {
		return 0, problem.BadField(field, "this is no cursor of this list in this order")
	}
	return i, nil
}
