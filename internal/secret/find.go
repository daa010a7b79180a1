package secret

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Hit is a place in a text that looks like a secret: text[From:To].
type Hit struct {
	Rule, Title string
	From, To    int
}

// Find returns what looks like a secret in the text, by gitleaks' rules, without what its
// allowlists and ours know to be a name, a placeholder or an example. Hits are in the order
// of their places and don't overlap: of two rules the one that knows the vendor is kept.
//
// file is the text's path: some rules are about some files only.
func Find(file, text string) (hits []Hit) {
	lower := strings.ToLower(text)
	for _, r := range rules() {
		if r.mayBeIn(lower) && (r.path == "" || r.files().MatchString(file)) {
			for _, w := range r.windows(text, lower) {
				hits = append(hits, r.find(text, w.from, w.to)...)
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		if (a.Rule == general) != (b.Rule == general) {
			if a.Rule == general {
				return 1
			}
			return -1
		}
		return a.From - b.From
	})
	var kept []Hit
	for _, h := range hits {
		if !slices.ContainsFunc(kept, func(k Hit) bool { return h.From < k.To && k.From < h.To }) {
			kept = append(kept, h)
		}
	}
	slices.SortFunc(kept, func(a, b Hit) int { return a.From - b.From })
	return kept
}

// general is the rule that knows a secret by nothing but its neighbours.
const general = "generic-api-key"

// window is a part of a text.
type window struct{ from, to int }

// What stands around a rule's word is looked at, and no more: patterns are slow.
const (
	windowBefore = 200
	windowAfter  = 3 << 10
)

// windows are the parts of a text where the rule can find something, in their order.
func (r *rule) windows(text, lower string) (all []window) {
	if len(lower) != len(text) || len(r.keywords) == 0 || strings.Contains(r.pattern, `\s\S`) {
		return []window{{0, len(text)}}
	}
	for _, word := range r.keywords {
		for i := 0; ; {
			at := strings.Index(lower[i:], word)
			if at < 0 {
				break
			}
			at += i
			i = at + len(word)
			if r.id == general && !valueNear(text[i:]) {
				continue
			}
			from, to := max(0, at-windowBefore), min(len(text), i+windowAfter)
			if r.id == general {
				to = min(to, i+windowBefore+valueLength)
			}
			from = strings.LastIndexByte(text[:from], '\n') + 1
			all = append(all, window{from, to})
		}
	}
	slices.SortFunc(all, func(a, b window) int { return a.from - b.from })
	merged := all[:0]
	for _, w := range all {
		if n := len(merged); n > 0 && w.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, w.to)
			continue
		}
		merged = append(merged, w)
	}
	return merged
}

// valueLength is the longest value that the general rule takes, in bytes.
const valueLength = 160

// valueNear says whether something follows that could be a key: ten characters without a
// space, with a digit.
func valueNear(text string) bool {
	run, digit := 0, false
	for i := 0; i < min(len(text), 60+valueLength); i++ {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			run, digit = run+1, true
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_.=-+/", c) >= 0:
			run++
		default:
			run, digit = 0, false
		}
		if run >= 10 && digit {
			return true
		}
	}
	return false
}

func (r *rule) find(whole string, start, end int) (hits []Hit) {
	text := whole[start:end]
	for _, at := range r.compiled().FindAllStringSubmatchIndex(text, -1) {
		from, to := r.secret(at)
		found := text[from:to]
		if found == "" || entropy(found) < r.entropy || r.id == general && !strings.ContainsAny(found, "0123456789") {
			continue
		}
		if !allowed(r.id, found, text[at[0]:at[1]], lineAround(text, from, to)) {
			hits = append(hits, Hit{r.id, r.title, start + from, start + to})
		}
	}
	return hits
}

func lineAround(text string, from, to int) string {
	start := strings.LastIndexByte(text[:from], '\n') + 1
	if end := strings.IndexByte(text[to:], '\n'); end >= 0 {
		return text[start : to+end]
	}
	return text[start:]
}

//go:embed allow.tsv
var allowTable string

// allowlist is what is no secret though a rule says so.
type allowlist struct {
	words    []string
	patterns map[string][]*regexp.Regexp // by where to look
}

var allowlists = sync.OnceValue(func() map[string]*allowlist {
	all := map[string]*allowlist{}
	for line := range strings.Lines(allowTable) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 4)
		if strings.HasPrefix(line, "#") || len(f) != 4 {
			continue
		}
		if all[f[0]] == nil {
			all[f[0]] = &allowlist{patterns: map[string][]*regexp.Regexp{}}
		}
		if a := all[f[0]]; f[2] == "word" {
			a.words = append(a.words, f[3])
		} else {
			a.patterns[f[1]] = append(a.patterns[f[1]], regexp.MustCompile(f[3]))
		}
	}
	return all
})

func allowed(rule, found, match, line string) bool {
	if Placeholder(found) {
		return true
	}
	lower := strings.ToLower(found)
	for _, name := range []string{"*", rule} {
		a := allowlists()[name]
		if a == nil {
			continue
		}
		if slices.ContainsFunc(a.words, func(w string) bool { return strings.Contains(lower, w) }) {
			return true
		}
		for target, text := range map[string]string{"secret": found, "match": match, "line": line} {
			if slices.ContainsFunc(a.patterns[target], func(p *regexp.Regexp) bool { return p.MatchString(text) }) {
				return true
			}
		}
	}
	return false
}

var placeholder = regexp.MustCompile(`(?i)^$|^[<\[{(%$].*|.*[>}]$|^(.)\*+$|x{4,}|\*{3,}|\.\.\.|^0+$|^1234|example|sample|placeholder|dummy|change.?me|replace.?me|your[-_ ]?|insert[-_ ]|fill[-_ ]?in|redacted|not[-_ ]?a[-_ ]?secret|fake|(?:process\.env|os\.environ|getenv|import\.meta)|^(?:password|passwort|passwd|secret|token|none|null|true|false|undefined|test|changeit)$`)

// Placeholder says whether a value stands where somebody is to put a secret, or names where
// it comes from.
func Placeholder(value string) bool { return placeholder.MatchString(value) }
