package route

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// The words of a request that say how hard it is, each line one word with its forms.
// docs/models.md shows them.
var (
	hardWords = family(
		"architecture|architectures|architectural|architect", "design|designs|designing|redesign", "api design",
		"scalability|scalable|scale", "performance|performant", "optimisation|optimization|optimise|optimize|optimising|optimizing",
		"refactor|refactors|refactoring", "migrate|migrates|migrating|migration|migrations",
		"analysis|analyse|analyze|analysing|analyzing", "strategy|strategies|strategic", "roadmap|roadmaps", "research|researching",
		"algorithm|algorithms|algorithmic", "security audit|security review|threat model", "troubleshoot|troubleshooting|root cause",
		"workflow|workflows", "orchestration|orchestrate", "multi agent|multi agents", "pipeline|pipelines",
		"specification|specifications|spec", "best practice|best practices", "concurrency|race condition|deadlock",
	)
	workWords = family(
		"implement|implements|implementing|implementation", "code|coding", "function|functions", "class|classes", "feature|features",
		"bug|bugs", "fix|fixes|fixing", "create|creates|creating", "edit|edits|editing", "modify|modifies|modifying", "change|changes|changing",
		"add|adds|adding", "remove|removes|removing", "delete|deletes|deleting", "rename|renames|renaming", "write|writes|writing",
		"build|builds|building", "make|makes|making", "update|updates|updating", "replace|replaces|replacing", "move|moves|moving",
		"test|tests|testing", "review|reviews|reviewing", "verify|verifies|verifying", "debug|debugging",
	)
	easyWords = family(
		"hi", "hello", "hey", "good morning|good evening|good afternoon", "thanks|thank you", "yes", "no", "ok|okay",
		"status", "list", "show", "what|whats", "how", "when", "where", "who", "which", "latest", "summary", "overview",
	)
)

const (
	hardEnough  = 2  // hard words that make a request complex
	severalMany = 2  // agents that are addressed at once make it as hard as this many words
	easyLength  = 40 // words of the longest request that can be quick
)

// words are phrases by their first word, the longest first; each has its family's name.
type words map[string][]phrase

type phrase struct {
	rest []string
	name string // the family, by its first form
}

func family(lines ...string) words {
	all := words{}
	for _, line := range lines {
		forms := strings.Split(line, "|")
		for _, form := range forms {
			f := strings.Fields(form)
			all[f[0]] = append(all[f[0]], phrase{f[1:], forms[0]})
		}
	}
	for _, of := range all {
		slices.SortStableFunc(of, func(a, b phrase) int { return len(b.rest) - len(a.rest) })
	}
	return all
}

// find returns what text says in the words of the family, each family once.
func (w words) find(text []string) []string {
	var found, names []string
	for i := 0; i < len(text); i++ {
		for _, p := range w[text[i]] {
			if rest := text[i+1:]; len(rest) >= len(p.rest) && slices.Equal(rest[:len(p.rest)], p.rest) {
				if !slices.Contains(names, p.name) {
					names = append(names, p.name)
					found = append(found, strings.Join(text[i:i+1+len(p.rest)], " "))
				}
				i += len(p.rest)
				break
			}
		}
	}
	return found
}

// byText is the tier that the words of a request ask for, and why; "" when they say
// nothing. usual is the agent's: words of work raise a quick one, and lower none.
func byText(text string, usual Tier) (Tier, string) {
	words := split(text)
	hard := hardWords.find(words)
	score := len(hard)
	several := mentions(text) > 1
	if several {
		score += severalMany
	}
	work := workWords.find(words)
	easy := easyWords.find(words)
	switch {
	case score >= hardEnough && len(hard) > 0:
		return Complex, has(hard)
	case score >= hardEnough:
		return Complex, "the text addresses several agents"
	case len(work) > 0 && usual == Quick:
		return Standard, has(work)
	case len(easy) > 0 && len(hard)+len(work) == 0 && len(words) <= easyLength:
		return Quick, has(easy)
	}
	return "", ""
}

// has says which words of the text decided.
func has(found []string) string {
	if len(found) == 1 {
		return fmt.Sprintf("the text has the word %q", found[0])
	}
	return fmt.Sprintf("the text has the words %q and %q", found[0], found[1])
}

// split is text in words of small letters. Apostrophes belong to no word's boundary:
// "what's" is "whats".
func split(text string) []string {
	text = strings.NewReplacer("'", "", "’", "").Replace(strings.ToLower(text))
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
}

// mentions counts the different agents that the text addresses with @. An @ within a
// word, as in an address, is none.
func mentions(text string) int {
	var names []string
	before := ' '
	for i, r := range text {
		if r == '@' && !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			name := text[i+1:]
			if end := strings.IndexFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' }); end >= 0 {
				name = name[:end]
			}
			if name = strings.ToLower(name); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		before = r
	}
	return len(names)
}
