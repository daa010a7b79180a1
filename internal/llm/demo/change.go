package demo

import (
	"html"
	"sort"
	"strings"
)

// change is a change to a page that is there already.
type change struct {
	what  changeKind
	value string // the new title, colour, section or words
	old   string // the words to replace
}

type changeKind int

const (
	unclear changeKind = iota
	changeTitle
	changeColour
	addSection
	swapText
)

// edit is one replacement in one file.
type edit struct{ path, old, new string }

func understandChange(text string) *change {
	p := patterns()
	for _, re := range p.title {
		if m := re.FindStringSubmatch(text); m != nil {
			if v := shorten(m[1]); v != "" && !isColour(v) {
				return &change{what: changeTitle, value: titleValue(m[1])}
			}
		}
	}
	if m := p.colour.FindStringSubmatch(text); m != nil {
		return &change{what: changeColour, value: strings.ToLower(m[1])}
	}
	if m := p.section.FindStringSubmatch(text); m != nil {
		return &change{what: addSection, value: shorten(m[1])}
	}
	if m := p.item.FindStringSubmatch(text); m != nil {
		return &change{what: addSection, value: shorten(m[1])}
	}
	if m := p.swap.FindStringSubmatch(text); m != nil {
		return &change{what: swapText, old: unquote(m[1] + m[2]), value: unquote(m[3])}
	}
	return &change{what: unclear}
}

// titleValue keeps a title as the user wrote it, capitals included.
func titleValue(s string) string {
	s = strings.Join(strings.Fields(unquote(s)), " ")
	s = strings.TrimRight(s, " .!")
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120])
	}
	return s
}

// edits are the replacements that a change still needs in a file of that text. ok is
// false when the file has no place for it.
func (c *change) edits(file, text string) (todo []edit, ok bool) {
	p := patterns()
	add := func(old, new string) {
		if old == "" || strings.Count(text, old) != 1 {
			return // it could hit the wrong place
		}
		ok = true
		if old != new {
			todo = append(todo, edit{file, old, new})
		}
	}
	switch c.what {
	case changeTitle:
		value := html.EscapeString(c.value)
		if m := p.heading.FindStringSubmatch(text); m != nil {
			add(m[0], "<h1"+m[1]+">"+value+"</h1>")
		}
		if m := p.htmlTitle.FindString(text); m != "" {
			add(m, "<title>"+value+"</title>")
		}
	case changeColour:
		accent, on := colour(c.value)
		if m := p.accent.FindString(text); m != "" && accent != "" {
			add(m, "--accent: "+accent+";\n  --on-accent: "+on+";")
		}
	case addSection:
		block := section(c.value)
		if strings.Contains(text, block) {
			return nil, true
		}
		add("  </main>", block+"  </main>")
		if !ok {
			add("</main>", block+"</main>")
		}
		if !ok {
			add("</body>", block+"</body>")
		}
	case swapText:
		for _, old := range []string{c.old, html.EscapeString(c.old)} {
			if n := strings.Count(text, old); n == 1 {
				add(old, html.EscapeString(c.value))
				return todo, ok
			}
		}
	}
	return todo, ok
}

func section(value string) string {
	value = html.EscapeString(value)
	return "    <section class=\"card\">\n      <h2>" + value + "</h2>\n      <p>Here is room for what is to be said about this.</p>\n    </section>\n"
}

// done says what was changed.
func (c *change) done() string {
	switch c.what {
	case changeTitle:
		return "the title is now “" + c.value + "”"
	case changeColour:
		return "the colour is now " + c.value
	case addSection:
		return "there is a new section, “" + c.value + "”"
	default:
		return "“" + c.old + "” is now “" + c.value + "”"
	}
}

// colours are the names that a change may use: the accent, and the text on it.
var colours = map[string][2]string{
	"red": {"#dc2626", "#ffffff"}, "orange": {"#ea580c", "#ffffff"}, "amber": {"#f59e0b", "#1b1f2a"},
	"yellow": {"#facc15", "#1b1f2a"}, "lime": {"#84cc16", "#1b1f2a"}, "green": {"#15803d", "#ffffff"},
	"teal": {"#0f766e", "#ffffff"}, "turquoise": {"#2dd4bf", "#1b1f2a"}, "cyan": {"#0e7490", "#ffffff"},
	"blue": {"#2563eb", "#ffffff"}, "indigo": {"#4f46e5", "#ffffff"}, "purple": {"#7e22ce", "#ffffff"},
	"violet": {"#6d28d9", "#ffffff"}, "pink": {"#db2777", "#ffffff"}, "magenta": {"#c026d3", "#ffffff"},
	"brown": {"#78350f", "#ffffff"}, "grey": {"#4b5563", "#ffffff"}, "gray": {"#4b5563", "#ffffff"},
	"black": {"#111827", "#ffffff"}, "gold": {"#eab308", "#1b1f2a"}, "navy": {"#1e3a8a", "#ffffff"},
}

func colourNames() []string {
	var names []string
	for name := range colours {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func isColour(s string) bool {
	accent, _ := colour(strings.ToLower(s))
	return accent != ""
}

// colour is a named or #hex colour as CSS, with the colour of text on it.
func colour(name string) (accent, on string) {
	if c, ok := colours[name]; ok {
		return c[0], c[1]
	}
	if len(name) == 4 && name[0] == '#' {
		name = "#" + strings.Repeat(name[1:2], 2) + strings.Repeat(name[2:3], 2) + strings.Repeat(name[3:4], 2)
	}
	if len(name) != 7 || name[0] != '#' || strings.Trim(name[1:], "0123456789abcdef") != "" {
		return "", ""
	}
	hex := func(i int) int {
		return strings.IndexByte("0123456789abcdef", name[i])*16 + strings.IndexByte("0123456789abcdef", name[i+1])
	}
	if (299*hex(1)+587*hex(3)+114*hex(5))/1000 > 140 {
		return name, "#1b1f2a"
	}
	return name, "#ffffff"
}
