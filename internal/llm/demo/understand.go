package demo

import (
	"path"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// wish is what a request was understood to ask for.
type wish struct {
	text   string // the request without the folder it names
	folder string // clean and relative; empty: the project's root
	named  bool   // a folder was named
	kind   kind   // what to build
	title  string
	file   string  // a single file that was named, with its content or without
	body   string  // the content that was asked for, word for word
	change *change // nil when something is to be built
	adding bool    // the change adds something
	chat   bool    // nothing is to be done
	crew   bool    // it is more than one agent should do alone
	server bool    // with something behind the page that keeps what is entered
	shared bool    // the crew builds it, each a part
}

// rx are the patterns of this package, compiled when the demo model is first used.
type rx struct {
	folder                       []*regexp.Regexp
	build, ask, polite, lead     *regexp.Regexp
	named, quoted, stop, about   *regexp.Regexp
	file, body                   *regexp.Regexp
	title                        []*regexp.Regexp
	colour, section, item, swap  *regexp.Regexp
	changing, adding             *regexp.Regexp
	htmlTitle, heading, accent   *regexp.Regexp
	goLang, python, program, api *regexp.Regexp
	docs, tasks, fibonacci       *regexp.Regexp
	team, app, server, page      *regexp.Regexp
	shipping, joined, behind     *regexp.Regexp
	web                          []webPattern
}

type webPattern struct {
	kind kind
	re   *regexp.Regexp
}

var patterns = sync.OnceValue(func() *rx {
	re := regexp.MustCompile
	const quote = "[`\"'“”‘’]?"
	const seg = `[\pL\pN._\\-]+`
	return &rx{
		folder: []*regexp.Regexp{
			re("(?i)\\b(?:in|into|inside|under|within|to|at)\\s+(?:the\\s+|a\\s+|an\\s+|my\\s+)?(?:new\\s+)?(?:sub)?(?:folder|directory|dir)\\s+(?:called\\s+|named\\s+)?[`\"'“‘]([^`\"'”’]+)[`\"'”’]"),
			re(`(?i)\b(?:in|into|inside|under|within|to|at)\s+(?:the\s+|a\s+|an\s+|my\s+)?(?:new\s+)?(?:sub)?(?:folder|directory|dir)\s+(?:called\s+|named\s+)?` + quote + `(` + seg + `(?:/` + seg + `)*/?|/` + seg + `(?:/` + seg + `)*/?)` + quote),
			re(`(?i)\b(?:in|into|inside|under|within)\s+(?:the\s+|a\s+|my\s+)?` + quote + `(` + seg + `(?:/` + seg + `)*/?)` + quote + `\s+(?:sub)?(?:folder|directory|dir)\b`),
			re(`(?i)\b(?:in|into|inside|under|within)\s+(?:the\s+)?` + quote + `((?:/?` + seg + `/)+(?:` + seg + `)?)` + quote),
		},
		build:    re(`(?i)\b(?:build|create|write|generate|scaffold|develop|code|design|implement|draft|program|set up|start|give me|i want|i need|i'd like|we need|make\s+(?:me|us|a|an|my|our|some))\b`),
		ask:      re(`(?i)^\s*(?:hi|hello|hey|thanks|thank you|good (?:morning|evening|afternoon)|who|what|why|how|when|where|which|is|are|do|does|did|can you|could you|ok|okay|yes|no|test|ping)\b`),
		polite:   re(`(?i)^(?:please|hi|hello|hey|there|can you|could you|would you|will you|i want|i need|i'd like|i would like|we need|we want|let's|plan and|(?:(?:the|your|whole)\s+)*(?:team|crew|everyone|everybody)|you|to|me|us|for|just|now|then|and|give|have)\b[\s,:!.]*`),
		lead:     re(`(?i)^(?:build|create|make|write|generate|scaffold|develop|code|design|implement|draft|program|set up|start|add|put|insert|include|a|an|the|some|my|our|new|simple|small|basic|nice|little|tiny|beautiful|pretty|modern|clean|working|responsive|quick|complete|full|great|minimal|single[- ]page|me|us)\b[\s,:]*`),
		named:    re(`(?i)\b(?:called|named|titled|entitled|with the (?:title|name|heading)|title:|name:)\s+`),
		quoted:   re("^[\"'`“‘](.+?)[\"'`”’](?:[\\s.,;:!?]|$)"),
		stop:     re(`(?i)[.;:!?\n]|,\s|\s[–—-]\s|\s(?:with|that|which|who|where|using|so|and\s+(?:then|make|add|put|give|use)|featuring|including|written in|in (?:html|python|go|golang|javascript|typescript|react|vue)|please|(?:on|in|to) (?:the|a|an|this|one|it|my))\b`),
		about:    re(`(?i)^.*?\b(?:for|about|of)\s+(?:(?:a|an|the|my|our)\s+)?(.+)$`),
		file:     re("(?i)(?:^|[\\s`\"'“(])((?:[\\w.-]+/)*[\\w-][\\w.-]*\\.(?:txt|md|html|css|js|json|py|go|csv|ya?ml|toml|sh|svg|xml|ts|sql))\\b"),
		body:     re(`(?is)\b(?:with (?:the )?(?:text|content|contents|line)|containing|contains?|that (?:says|contains|reads)|saying|reading)(?: the (?:text|content|words?|line))?(?: exactly| just| only)?:?\s+(.+)$`),
		title:    titlePatterns(re),
		colour:   re(`(?i)\b(?:colou?rs?|accent|theme|background|buttons?|header|page|it|everything|site)\b.*?(?:\s|^)(#[0-9a-f]{6}|#[0-9a-f]{3}|` + strings.Join(colourNames(), "|") + `)\b`),
		section:  re(`(?i)\b(?:add|insert|include)\s+(?:a|an|another|the|some|new)?\s*(?:new\s+)?(?:section|paragraph|part|heading|text|block|note|line|chapter)\s*(?:to the page|to it|at the (?:end|bottom))?\s*(?:about|on|called|named|titled|saying|that says|with the text|with|for|:)?\s+(.+)$`),
		item:     re(`(?i)\b(?:add|put)\s+(.+?)\s+(?:to|on|onto|into)\s+(?:the|my|our)\s+(?:list|page|to-?dos?|tasks?|site|blog)\b`),
		swap:     re(`(?i)\b(?:replace|change|turn|swap)\s+(?:the\s+(?:text|words?|phrase|line)\s+)?(?:["“'` + "`" + `](.+?)["”'` + "`" + `]|(.+?))\s+(?:with|to|into|by|for)\s+(.+)$`),
		changing: re(`(?i)^(?:please\s+|now\s+|and\s+|then\s+|can you\s+|could you\s+)*(?:make|change|rename|set|update|turn|replace|swap|add|remove|delete|drop|move|fix|improve|refactor|translate|convert|put|use|increase|decrease|bigger|smaller|undo|revert|insert|include)\b`),
		adding:   re(`(?i)^(?:please\s+|now\s+|and\s+|then\s+|can you\s+|could you\s+)*(?:add|put|include|insert)\b`),

		htmlTitle: re(`(?is)<title>(.*?)</title>`),
		heading:   re(`(?is)<h1([^>]*)>(.*?)</h1>`),
		accent:    re(`--accent:[^;]*;\n\s*--on-accent:[^;]*;`),

		goLang:    re(`(?i)\bgolang\b|\b(?:in|with|using)\s+go\b|\bgo\s+(?:program|cli|tool|script|command|code)\b`),
		python:    re(`(?i)\bpython\b`),
		program:   re(`(?i)\b(?:cli|command[- ]line|script|console program|terminal program)\b`),
		api:       re(`(?i)\b(?:api|apis|rest|json|backend|endpoints?)\b`),
		docs:      re(`(?i)\b(?:readme|documentation|docs|user guide|manual|changelog)\b`),
		tasks:     re(`(?i)\b(?:to[- ]?dos?|tasks?|checklist)\b`),
		fibonacci: re(`(?i)\bfibonacci\b`),

		team:     re(`(?i)\b(?:crew|teams?|plan|plans|everybody|everyone|all (?:seven|the) (?:roles|agents))\b`),
		app:      re(`(?i)\b(?:web ?)?app(?:s|lications?)?\b`),
		server:   re(`(?i)\b(?:back[- ]?ends?|servers?|apis?|databases?|db|sqlite|postgres(?:ql)?|mysql)\b`),
		page:     re(`(?i)\b(?:pages?|web ?sites?|sites?|front[- ]?ends?|ui|user interface)\b`),
		shipping: re(`(?i)\b(?:docker(?:file)?|containers?|deploy(?:ed|ment)?|makefile|packaged?|ci)\b`),
		joined:   re(`(?i)\b(?:with|and|plus|including|behind)\b|[,&+]`),
		behind:   re(`(?i)[\s,]+(?:with|and|plus|including|that has)\s+(?:(?:a|an|the|its|some|small|simple|own)\s+)*(?:[\w-]+\s+)?(?:back[- ]?end|server|api|database|db)\b.*$`),

		web: []webPattern{
			{todo, re(`(?i)\b(?:to[- ]?dos?|to[- ]?do[- ]?(?:list|app)|tasks?|checklist|shopping list|grocery list|groceries)\b`)},
			{calculator, re(`(?i)\bcalculators?\b`)},
			{timer, re(`(?i)\b(?:timer|pomodoro|stopwatch|countdown)\b`)},
			{counter, re(`(?i)\b(?:counter|tally|clicker)\b`)},
			{notes, re(`(?i)\b(?:notes?|notebook|memos?|journal|diary)\b`)},
			{quiz, re(`(?i)\b(?:quiz|quizzes|trivia|flash[- ]?cards?)\b`)},
			{blog, re(`(?i)\b(?:blog|blogs|magazine)\b`)},
			{landing, re(`(?i)\b(?:landing[- ]?page|home[- ]?page|start[- ]?page|website|web site|portfolio|marketing page|product page|shop|store|site)\b`)},
		},
	}
})

func titlePatterns(re func(string) *regexp.Regexp) []*regexp.Regexp {
	return []*regexp.Regexp{
		re(`(?is)\b(?:title|heading|headline|header|name)\b(?:\s+of\s+(?:the\s+|this\s+)?\w+)?(?:\s+(?:to|as|be|say|into|is|should be|read)\b|\s*[:=])?\s+(.+)$`),
		re(`(?is)\brename\b.*?\b(?:to|as|into)\b\s+(.+)$`),
		re(`(?is)\bcall\s+(?:it|this|the\s+\w+)\s+(.+)$`),
	}
}

// understand reads a request.
func understand(request string) wish {
	p := patterns()
	w := wish{text: request}
	for _, re := range p.folder {
		m := re.FindStringSubmatchIndex(w.text)
		if m == nil {
			continue
		}
		name := w.text[m[2]:m[3]]
		if path.Ext(name) != "" && p.file.MatchString(name) && !strings.HasSuffix(name, "/") {
			continue // a file
		}
		if notFolder(name) {
			continue
		}
		w.folder, w.named = cleanFolder(name), true
		w.text = strings.TrimSpace(w.text[:m[0]] + " " + strings.TrimLeft(w.text[m[1]:], " "))
		break
	}
	build := p.build.FindStringIndex(w.text)
	if m := p.file.FindStringSubmatch(w.text); m != nil {
		w.file = cleanFile(m[1])
		if b := p.body.FindStringSubmatch(w.text); b != nil {
			w.body = unquote(b[1])
		}
	}
	subject := p.file.ReplaceAllString(w.text, " ")
	w.kind = kindOf(subject)
	w.title = titleOf(subject, w.kind)
	if w.file != "" && w.body == "" {
		w.nameKind()
	}
	changing := p.changing.FindStringIndex(w.text)
	switch {
	case changing != nil && (build == nil || build[0] > changing[1]):
		w.change = understandChange(w.text)
		if adding := p.adding.MatchString(w.text); adding && w.change.what == unclear && (w.kind != generic || w.file != "") {
			w.change = nil // "add a README": another thing to build
		} else {
			w.adding = adding
		}
	case build == nil && w.kind == generic && w.file == "":
		w.chat = p.ask.MatchString(w.text) || strings.HasSuffix(w.text, "?") || len(strings.Fields(w.text)) < 3
	case build == nil && strings.HasSuffix(w.text, "?") && p.ask.MatchString(w.text):
		w.chat = true
	}
	w.crew, w.server = forCrew(w, build != nil)
	return w
}

// forCrew says whether a wish is one for the whole crew, and whether it has a server: the
// crew was asked for, it is an app, or it has parts that different people build.
func forCrew(w wish, build bool) (crew, server bool) {
	p := patterns()
	server = p.server.MatchString(w.text)
	if w.chat || w.change != nil || w.file != "" || w.body != "" {
		return false, server
	}
	page := webKind(w.text) != generic || p.page.MatchString(w.text)
	parts := 0
	for _, there := range []bool{server, page, p.shipping.MatchString(w.text)} {
		if there {
			parts++
		}
	}
	build = build || w.kind != generic
	return build && (p.team.MatchString(w.text) || p.app.MatchString(w.text) || parts > 1 && p.joined.MatchString(w.text)), server
}

// nameKind lets the ending of a named file say what it is, where the words don't.
func (w *wish) nameKind() {
	ending := map[string]kind{".py": python, ".go": golang, ".md": readme}
	switch ext := path.Ext(w.file); {
	case w.kind != generic && ext != ".txt":
	case ending[ext] != "":
		w.kind = ending[ext]
		if w.title == generic.title() {
			w.title = w.kind.title()
		}
	case ext != ".html" && ext != ".css" && ext != ".js":
		w.body = w.title // the words are all there is to write
	}
}

// notFolder reports whether a word that stands where a folder could is none.
func notFolder(name string) bool {
	first, _, nested := strings.Cut(strings.ToLower(name), "/")
	switch first {
	case "with", "and", "that", "where", "of", "for", "which", "is", "so", "please", "to",
		"same", "new", "this", "current", "root", "separate", "own", "another", "different", "main", "project":
		return !nested
	case "html", "css", "js", "javascript", "typescript", "ts", "react", "vue", "python", "go", "golang", "node", "php", "java", "rust", "plain", "vanilla":
		return !strings.HasSuffix(name, "/") // "in HTML/CSS"
	}
	return false
}

// cleanFolder makes a safe relative folder of what a user named: no way up, no
// hidden part, at most four levels.
func cleanFolder(name string) string {
	var out []string
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '/' || r == '\\' }) {
		part = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return '-'
			}
			if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.' {
				return r
			}
			return -1
		}, part)
		part = strings.Trim(part, ".-")
		if r := []rune(part); len(r) > 40 {
			part = string(r[:40])
		}
		if part != "" && len(out) < 4 {
			out = append(out, part)
		}
	}
	return strings.Join(out, "/")
}

func cleanFile(name string) string {
	base := strings.TrimLeft(path.Base(name), ".-")
	return path.Join(cleanFolder(path.Dir(name)), base)
}

// titleOf finds what to call the thing that is asked for.
func titleOf(text string, k kind) string {
	p := patterns()
	if m := p.named.FindStringIndex(text); m != nil {
		rest := text[m[1]:]
		if q := p.quoted.FindStringSubmatch(rest); q != nil {
			return shorten(q[1])
		}
		if t := shorten(cut(rest)); t != "" {
			return t
		}
	}
	rest := text
	for _, re := range []*regexp.Regexp{p.polite, p.lead} {
		for {
			next := re.ReplaceAllString(rest, "")
			if next == rest || next == "" {
				break
			}
			rest = next
		}
	}
	rest = cut(rest)
	if k == landing || k == blog || k == generic || k == quiz {
		if m := p.about.FindStringSubmatch(rest); m != nil && m[1] != "" {
			rest = m[1]
		}
	}
	if t := shorten(rest); utf8.RuneCountInString(t) > 2 {
		return t
	}
	return k.title()
}

// cut ends a phrase where another begins.
func cut(s string) string {
	s = " " + s // a phrase may begin with the next one
	if m := patterns().stop.FindStringIndex(s); m != nil {
		s = s[:m[0]]
	}
	return s
}

// shorten makes a title: trimmed, on one line, at most 60 characters, a capital first.
func shorten(s string) string {
	s = strings.Trim(strings.Join(strings.Fields(unquote(s)), " "), " ,;:.!?-\"'`“”")
	r := []rune(s)
	if len(r) > 60 {
		s = string(r[:60])
		if i := strings.LastIndexByte(s, ' '); i > 20 {
			s = s[:i]
		}
		r = []rune(s)
	}
	if len(r) == 0 {
		return ""
	}
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

// unquote takes the quotes off a phrase, or the full stop that ends its sentence.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if m := patterns().quoted.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "..") {
		s = s[:len(s)-1]
	}
	return strings.Trim(s, "`“”")
}
