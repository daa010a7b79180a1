package security

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/secret"
)

//go:embed rules/*.toml
var ruleFiles embed.FS

// pattern is a rule about code, as rules/*.toml write it.
type pattern struct {
	ID        string
	Title     string
	Languages []string // "*" is every one
	Severity  enum.Severity
	CWE       int
	Remedy    string
	// Pattern is what it looks for, line starts and ends included. A match in a comment
	// never counts, and one that begins in a string only with Strings. It stands where its
	// group "at" does.
	Pattern string
	Strings bool
	// Unless is what makes it harmless, on the lines of the match.
	Unless string
	// Needs must be somewhere in the file, and Without nowhere.
	Needs, Without string
	// Followed must not come after the match.
	Followed string
	// Files are the paths that it is about; all when it is empty.
	Files string
	// Secret says that the pattern's groups are secrets: they are taken out of the
	// evidence, and placeholders in them are harmless.
	Secret int
	// Last counts the last match alone.
	Last bool
	// Stages passes over images that are earlier stages of the same Dockerfile.
	Stages bool

	find, unless, needs, without, followed, files *regexp.Regexp
	words                                         []string // see literals
}

// patterns are all rules, in the order of their ids.
var patterns = sync.OnceValue(func() []*pattern {
	all, err := readPatterns(ruleFiles)
	if err != nil {
		panic(err) // they are part of the program, and a test reads them
	}
	return all
})

func readPatterns(files fs.FS) (all []*pattern, err error) {
	names, err := fs.Glob(files, "rules/*.toml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var in struct{ Rule []*pattern }
		if err := toml.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for _, p := range in.Rule {
			if err := p.compile(); err != nil {
				return nil, fmt.Errorf("rule %s in %s: %w", p.ID, name, err)
			}
		}
		all = append(all, in.Rule...)
	}
	slices.SortFunc(all, func(a, b *pattern) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func (p *pattern) compile() error {
	if p.ID == "" || p.Title == "" || p.Remedy == "" || len(p.Languages) == 0 || p.Severity.Rank() == 0 || p.Pattern == "" {
		return fmt.Errorf("an id, a title, languages, a severity, a pattern and a remedy are needed")
	}
	for from, to := range map[*string]**regexp.Regexp{
		&p.Pattern: &p.find, &p.Unless: &p.unless, &p.Needs: &p.needs, &p.Without: &p.without, &p.Followed: &p.followed, &p.Files: &p.files,
	} {
		if *from == "" {
			continue
		}
		compiled, err := regexp.Compile("(?m)" + *from)
		if err != nil {
			return err
		}
		*to = compiled
	}
	p.words = literals(p.Pattern)
	return nil
}

func (p *pattern) isFor(file, language, text, lower string) bool {
	return hasAny(lower, p.words) && (slices.Contains(p.Languages, language) || slices.Contains(p.Languages, "*")) &&
		(p.files == nil || p.files.MatchString(file)) &&
		(p.needs == nil || p.needs.MatchString(text)) &&
		(p.without == nil || !p.without.MatchString(text))
}

// mostMatches is how many places of one file a rule may find.
const mostMatches = 50

// place is where a match is, without the space before it, or where its group "at" is.
func (p *pattern) place(text string, m []int) int {
	if i := p.find.SubexpIndex("at"); i > 0 && m[2*i] >= 0 {
		return m[2*i]
	}
	from := m[0]
	for from < m[1] && strings.IndexByte(" \t\r\n", text[from]) >= 0 {
		from++
	}
	return from
}

// scan looks for the pattern in a file. text has blanks in the place of comments.
func (p *pattern) scan(file, text string, kinds []kind, at lines) (found []Finding) {
	matches := p.find.FindAllStringSubmatchIndex(text, -1)
	if p.Last && len(matches) > 1 {
		matches = matches[len(matches)-1:]
	}
	for _, m := range matches {
		from, to := p.place(text, m), m[1]
		if len(found) == mostMatches || from < to && kinds[from] == quoted && !p.Strings {
			continue
		}
		first, last := at.at(from), at.at(max(from, to-1))
		around := text[at.starts[first-1]:]
		if last < len(at.starts) {
			around = text[at.starts[first-1]:at.starts[last]]
		}
		if p.unless != nil && p.unless.MatchString(around) || p.followed != nil && p.followed.MatchString(text[to:]) {
			continue
		}
		if p.Stages && isStage(text[:from], text[from:to]) {
			continue
		}
		evidence := at.line(first)
		if p.Secret > 0 {
			value := ""
			for i := 2; i < len(m); i += 2 {
				if m[i] >= 0 {
					value = text[m[i]:m[i+1]]
				}
			}
			bare := strings.Trim(value, `"'`)
			if secret.Placeholder(bare) || strings.Contains(value, "${") {
				continue
			}
			evidence = strings.ReplaceAll(evidence, bare, secret.Mark)
		}
		found = append(found, Finding{
			Check: enum.CheckCode, Rule: p.ID, Title: p.Title, File: file, Line: first, Severity: p.Severity,
			Evidence: Evidence(evidence), Remedy: p.Remedy, CWE: p.CWE,
		})
	}
	return found
}

var stageName = regexp.MustCompile(`(?im)^\s*FROM\s+(?:--\S+\s+)*\S+\s+AS\s+(\S+)`)

// isStage says whether a FROM takes an image that is made above it.
func isStage(before, from string) bool {
	fields := strings.Fields(from)
	for _, name := range stageName.FindAllStringSubmatch(before, -1) {
		if slices.ContainsFunc(fields[1:], func(f string) bool { return strings.EqualFold(f, name[1]) }) {
			return true
		}
	}
	return false
}

// blank is the text with spaces in the place of its comments.
func blank(text string, kinds []kind) string {
	out := []byte(text)
	for i, k := range kinds {
		if k == comment && out[i] != '\n' {
			out[i] = ' '
		}
	}
	return string(out)
}
