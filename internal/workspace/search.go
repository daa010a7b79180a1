package workspace

import (
	"context"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
)

// The limits of a search.
const (
	// MaxSearched is the largest file that is looked through, in bytes.
	MaxSearched = MaxText
	// MaxMatches is how many matches there are in all, whatever the pages.
	MaxMatches = 10_000
	// MaxContext is how many lines before and after a match are told.
	MaxContext = 10

	maxPattern    = 1000
	maxMatchText  = 400 // characters of a line
	searchTime    = 5 * time.Second
	searchedBytes = 4 << 20 // how much is read at a time
)

// Search is what to look for.
type Search struct {
	// Pattern is what lines have to hold; "" lists all files that the globs choose.
	Pattern string
	// Regexp takes Pattern for a regular expression as RE2 knows them: it takes linear
	// time, and has no look-around and no back-references.
	Regexp        bool
	CaseSensitive bool
	// Glob chooses files and Exclude leaves some out: "**/*.go", "src/{a,b}/*". One without
	// a "/" is about the file's name.
	Glob, Exclude string
	Ref           string
	// Context is how many lines before and after each match are told.
	Context int
}

// Match is a place that was found. Line is 0 where only paths were looked for.
type Match struct {
	Path string
	// Line counts from 1, and so does Column, in UTF-16 units as editors count.
	Line, Column int
	// Text is the line, clipped around the match, which begins at Start of it and is
	// Length long, both in UTF-16 units.
	Text          string
	Start, Length int
	Before, After []string
	// Revision is that of the file.
	Revision string
}

// Place is where a search goes on: behind the match of that number in all, at that
// place, of the commit that it has begun with.
type Place struct {
	Commit string
	Path   string
	// Line and Column are 0 when nothing of the file was told.
	Line, Column int
	Matches      int
}

// Found is a page of matches.
type Found struct {
	Matches []Match
	// Places are where to go on after each match.
	Places  []Place
	HasMore bool
	// Truncated says that the time or MaxMatches was reached; a further page goes on where
	// it was the time.
	Truncated bool
	// Last is how far this page has come.
	Last Place
}

// matcher is a Search that is ready.
type matcher struct {
	Search
	expression *regexp.Regexp // nil: every file is a match
}

func (s Search) compile() (*matcher, error) {
	m := &matcher{Search: s}
	switch {
	case len(s.Pattern) > maxPattern || !utf8.ValidString(s.Pattern):
		return nil, problem.BadField("query.pattern", "a pattern is valid UTF-8 of at most %d bytes", maxPattern)
	case strings.ContainsAny(s.Pattern, "\n\x00"):
		return nil, problem.BadField("query.pattern", "a pattern is for one line: it holds no newline")
	case s.Context < 0 || s.Context > MaxContext:
		return nil, problem.BadField("query.context", "0 to %d lines around a match can be asked for", MaxContext)
	case s.Pattern == "" && s.Glob == "":
		return nil, problem.BadField("query.pattern", "say what to look for: a pattern, a glob or both")
	}
	for field, glob := range map[string]string{"query.glob": s.Glob, "query.excludeGlob": s.Exclude} {
		if len(glob) > maxPattern || !doublestar.ValidatePattern(glob) {
			return nil, problem.BadField(field, `a glob is as in "**/*.go" or "src/{a,b}/*", of at most %d bytes`, maxPattern)
		}
	}
	if s.Pattern == "" {
		return m, nil
	}
	text := s.Pattern
	if !s.Regexp {
		text = regexp.QuoteMeta(text)
	}
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return nil, problem.BadField("query.pattern", "this is no regular expression of RE2, which has no look-around and no back-references")
	}
	if !s.CaseSensitive {
		text = "(?i:" + text + ")"
	}
	var err error
	m.expression, err = regexp.Compile(text)
	if err != nil {
		return nil, problem.BadField("query.pattern", "this regular expression is too large")
	}
	return m, nil
}

// chooses reports whether the globs let a path through.
func (m *matcher) chooses(path string) bool {
	return (m.Glob == "" || globs(m.Glob, path)) && (m.Exclude == "" || !globs(m.Exclude, path))
}

func globs(pattern, path string) bool {
	if !strings.Contains(pattern, "/") {
		path = path[strings.LastIndexByte(path, '/')+1:]
	}
	return doublestar.MatchUnvalidated(pattern, path)
}

// Search looks through the files at a ref, in the byte order of their paths, and returns
// at most limit matches that come after the place after (nil for the first page). Binary
// files, links and those larger than MaxSearched are passed over.
func (w *Workspace) Search(ctx context.Context, projectID string, s Search, after *Place, limit int) (*Found, error) {
	if _, err := access.StreamReader(ctx, w.db.Ent, projectID); err != nil {
		return nil, err
	}
	m, err := s.compile()
	if err != nil {
		return nil, err
	}
	ref := s.Ref
	if after != nil {
		ref = after.Commit
	}
	objs, tip, err := w.resolve(ctx, projectID, ref)
	if err != nil {
		return nil, err
	}
	l := &looking{matcher: m, objs: objs, limit: limit, until: time.Now().Add(searchTime)}
	l.Last = Place{Commit: tip.String()}
	if after != nil {
		l.Last = *after
	}
	if tip.IsZero() {
		return &l.Found, nil
	}
	root, err := rootOf(objs, tip)
	if err != nil {
		return nil, err
	}
	leaves, err := list(objs, root, "", "")
	if err != nil {
		return nil, err
	}
	return &l.Found, l.through(ctx, leaves)
}
