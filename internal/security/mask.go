package security

import (
	"regexp"
	"strings"
)

// kind is what a byte of a file belongs to.
type kind byte

const (
	code kind = iota
	comment
	quoted // within a string, with its quotes
)

// grammar is as much of a language as it takes to tell comments and strings from code.
type grammar struct {
	line   []string    // what begins a comment to the end of the line
	block  [][2]string // what begins and ends one over lines
	quotes string      // the quotes of strings that end with their line
	long   []string    // the quotes of strings over lines, longer ones first
	// regexes: a slash after an operator begins a regular expression.
	regexes bool
	// templates: ${ in a string of backquotes is code up to its brace.
	templates bool
	// raw has the quotes of strings without escapes.
	raw string
	// spaced: a comment begins only at the line's start or after a space.
	spaced bool
	// atStart: a comment begins only at the line's start.
	atStart bool
}

var (
	cComments = [][2]string{{"/*", "*/"}}
	grammars  = map[string]grammar{
		"js":         {line: []string{"//"}, block: cComments, quotes: `"'`, long: []string{"`"}, regexes: true, templates: true},
		"go":         {line: []string{"//"}, block: cComments, quotes: `"'`, long: []string{"`"}, raw: "`"},
		"python":     {line: []string{"#"}, quotes: `"'`, long: []string{`"""`, `'''`}},
		"sql":        {line: []string{"--"}, block: cComments, long: []string{"'"}},
		"shell":      {line: []string{"#"}, long: []string{`"`, "'"}, raw: "'", spaced: true},
		"yaml":       {line: []string{"#"}, quotes: `"'`, spaced: true},
		"dockerfile": {line: []string{"#"}, atStart: true},
		"html":       {block: [][2]string{{"<!--", "-->"}, {"{#", "#}"}, {"<%#", "%>"}, {"{{!--", "--}}"}}},
		"config":     {line: []string{"#", ";"}, atStart: true},
	}
)

// mask says of each byte of a text what it belongs to.
func mask(language, text string) []kind {
	m := &masker{grammar: grammars[language], text: text, kinds: make([]kind, len(text))}
	m.code(0, false)
	switch language {
	case "html":
		m.scripts()
	case "js":
		m.prose()
	}
	return m.kinds
}

type masker struct {
	grammar
	text  string
	kinds []kind
	// nested is in how many templates it is.
	nested int
}

// What a file may be made of so that reading it takes no longer than it is long.
const (
	indent       = 200 // before a comment
	longestRegex = 1000
	deepest      = 50 // templates within templates
)

// code goes on from a place; within a template, up to the brace that closes it.
func (m *masker) code(i int, inTemplate bool) int {
	depth := 0
	before := byte('\n') // the last byte that is no space
	for i < len(m.text) {
		c := m.text[i]
		if end := m.comment(i); end > i {
			i = m.fill(i, end, comment)
			continue
		}
		if end := m.string(i); end > i {
			i, before = end, '"'
			continue
		}
		if m.regexes && c == '/' && strings.IndexByte("(,=:[!&|?{};\n>+", before) >= 0 {
			if end := m.regex(i); end > i {
				i, before = m.fill(i, end, quoted), '"'
				continue
			}
		}
		switch {
		case inTemplate && c == '{':
			depth++
		case inTemplate && c == '}':
			if depth == 0 {
				return i
			}
			depth--
		}
		if c != ' ' && c != '\t' && c != '\r' {
			before = c
		}
		i++
	}
	return i
}

func (m *masker) fill(from, to int, k kind) int {
	to = min(to, len(m.text))
	for i := from; i < to; i++ {
		m.kinds[i] = k
	}
	return to
}

// comment is where the comment that begins at i ends, or i.
func (m *masker) comment(i int) int {
	rest := m.text[i:]
	for _, b := range m.block {
		if strings.HasPrefix(rest, b[0]) {
			if end := strings.Index(rest[len(b[0]):], b[1]); end >= 0 {
				return i + len(b[0]) + end + len(b[1])
			}
			return len(m.text)
		}
	}
	for _, mark := range m.line {
		if !strings.HasPrefix(rest, mark) || m.spaced && i > 0 && !strings.ContainsRune(" \t\n;", rune(m.text[i-1])) {
			continue
		}
		if near := m.text[max(0, i-indent):i]; m.atStart && strings.TrimSpace(near[strings.LastIndexByte(near, '\n')+1:]) != "" {
			continue
		}
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return i + end
		}
		return len(m.text)
	}
	return i
}

// string marks the string that begins at i and returns its end, or i.
func (m *masker) string(i int) int {
	rest := m.text[i:]
	for _, q := range m.long {
		if strings.HasPrefix(rest, q) {
			return m.inside(i, q, true, strings.Contains(m.raw, q))
		}
	}
	if strings.IndexByte(m.quotes, m.text[i]) >= 0 {
		return m.inside(i, m.text[i:i+1], false, false)
	}
	return i
}

func (m *masker) inside(from int, q string, overLines, raw bool) int {
	i := m.fill(from, from+len(q), quoted)
	for i < len(m.text) {
		switch {
		case strings.HasPrefix(m.text[i:], q):
			return m.fill(i, i+len(q), quoted)
		case m.text[i] == '\\' && !raw:
			i = m.fill(i, i+2, quoted)
		case m.text[i] == '\n' && !overLines:
			return i // it was no string, or is not closed
		case m.templates && q == "`" && m.nested < deepest && strings.HasPrefix(m.text[i:], "${"):
			m.nested++
			i = m.code(m.fill(i, i+2, quoted), true)
			m.nested--
		default:
			m.kinds[i] = quoted
			i++
		}
	}
	return i
}

// regex is where the regular expression that begins at i ends, or i.
func (m *masker) regex(i int) int {
	class := false
	for j := i + 1; j < min(len(m.text), i+longestRegex); j++ {
		switch c := m.text[j]; {
		case c == '\n':
			return i
		case c == '\\':
			j++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			return j + 1
		}
	}
	return i
}

// scripts reads what stands in a page's scripts as such.
func (m *masker) scripts() {
	lower := strings.ToLower(m.text)
	for i := 0; ; {
		tag := strings.Index(lower[i:], "<script")
		if tag < 0 {
			return
		}
		tag += i
		open := strings.IndexByte(lower[tag:], '>')
		if open < 0 {
			return
		}
		from := tag + open + 1
		end := strings.Index(lower[from:], "</script")
		if end < 0 {
			return
		}
		if m.kinds[tag] == code {
			copy(m.kinds[from:from+end], mask("js", m.text[from:from+end]))
		}
		i = from + end
	}
}

// markup is a tag, as JSX has it, and the words behind it up to the next tag.
var markup = regexp.MustCompile(`(?:^|[\s(>}])<[A-Za-z][\w.]*(?:\s[^<>]*)?>([^<>{}]+)</?[A-Za-z>]`)

// prose takes the words in JSX for strings.
func (m *masker) prose() {
	for i := 0; i < len(m.text); {
		at := markup.FindStringSubmatchIndex(m.text[i:])
		if at == nil {
			return
		}
		from, to := i+at[2], i+at[3]
		if m.kinds[from-1] == code {
			m.fill(from, to, quoted)
		}
		i = to
	}
}
