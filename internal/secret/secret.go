// Package secret takes secrets out of text that is kept or shown: those that it is told,
// and whatever looks like a key, a token or a password by gitleaks' rules.
package secret

import (
	_ "embed"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run ./compact rules.tsv allow.tsv

//go:embed rules.tsv
var table string

// Mark stands where a secret was. No rule finds one in it.
const Mark = "[redacted]"

// Redactor is safe for use by many. The zero value knows no secrets, but the rules.
type Redactor struct{ known []string }

// NewRedactor also takes out known secrets, as they are and as JSON and URLs write them.
// Those of fewer than six characters are left: they are everywhere.
func NewRedactor(known ...string) *Redactor {
	r := &Redactor{}
	for _, s := range known {
		if len(s) < 6 {
			continue
		}
		quoted := strconv.Quote(s)
		r.known = append(r.known, s, quoted[1:len(quoted)-1])
	}
	slices.SortFunc(r.known, func(a, b string) int { return len(b) - len(a) }) // none hides a longer one
	r.known = slices.Compact(r.known)
	return r
}

// Redact returns the text without secrets. Doing it twice changes nothing more.
func (r *Redactor) Redact(text string) string {
	for _, s := range r.known {
		text = strings.ReplaceAll(text, s, Mark)
	}
	lower := strings.ToLower(text)
	for _, rule := range rules() {
		if rule.mayBeIn(lower) {
			text = rule.redact(text)
		}
	}
	return text
}

// rule is one kind of secret.
type rule struct {
	id       string
	group    int
	entropy  float64
	keywords []string
	title    string
	path     string // the files that it is about; all when it is empty
	pattern  string
	// when first needed: all of them take megabytes
	compiled, files func() *regexp.Regexp
}

var rules = sync.OnceValue(func() (all []*rule) {
	for line := range strings.Lines(table) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 7)
		if strings.HasPrefix(line, "#") || len(f) != 7 {
			continue
		}
		group, _ := strconv.Atoi(f[1])
		entropy, _ := strconv.ParseFloat(f[2], 64)
		r := &rule{id: f[0], group: group, entropy: entropy, keywords: strings.Fields(f[3]), title: f[4], path: f[5], pattern: f[6]}
		r.compiled = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(r.pattern) })
		r.files = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(r.path) })
		all = append(all, r)
	}
	return all
})

// mayBeIn is the quick look: a text without any of its words has no such secret.
func (r *rule) mayBeIn(lower string) bool {
	return len(r.keywords) == 0 || slices.ContainsFunc(r.keywords, func(k string) bool { return strings.Contains(lower, k) })
}

func (r *rule) redact(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range r.compiled().FindAllStringSubmatchIndex(text, -1) {
		from, to := r.secret(at)
		found := text[from:to]
		if from < last || found == "" || strings.Contains(found, Mark) || entropy(found) < r.entropy {
			continue
		}
		out.WriteString(text[last:from])
		out.WriteString(Mark)
		last = to
	}
	if last == 0 {
		return text
	}
	out.WriteString(text[last:])
	return out.String()
}

// secret is where it stands in a match: in the rule's group, else in the first one that
// took part, else it is the whole.
func (r *rule) secret(at []int) (from, to int) {
	if r.group > 0 && 2*r.group+1 < len(at) && at[2*r.group] >= 0 {
		return at[2*r.group], at[2*r.group+1]
	}
	for i := 2; r.group == 0 && i < len(at); i += 2 {
		if at[i] >= 0 && at[i+1] > at[i] {
			return at[i], at[i+1]
		}
	}
	return at[0], at[1]
}

// entropy is Shannon's, in bits a character: of words it is low, of random keys high.
func entropy(s string) (bits float64) {
	counts := map[rune]int{}
	n := 0
	for _, c := range s {
		counts[c]++
		n++
	}
	for _, c := range counts {
		p := float64(c) / float64(n)
		bits -= p * math.Log2(p)
	}
	return bits
}
