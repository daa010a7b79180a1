// Package security looks for flaws in a tree of files: secrets, dependencies with known
// flaws, dangerous patterns in code, and the headers that a page is served with. It is pure:
// it reads what it is given, and knows neither projects nor databases.
//
// A finding names its rule, file, line, severity, evidence and remedy. What was not looked
// at is a Gap with its reason; there are no scores. No secret leaves the package: evidence
// has a mark in its place.
package security

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/secret"
)

// Finding is a flaw at a place.
type Finding struct {
	Check    enum.SecurityCheck
	Rule     string
	Title    string
	File     string
	Line     int // 1, 2, 3 …
	Severity enum.Severity
	Evidence string // the line, without secrets
	Remedy   string
	CWE      int // its number in the Common Weakness Enumeration; 0 when there is none
	// Fingerprint is equal for the same flaw in later states of the file, wherever its line
	// has moved.
	Fingerprint string
}

// Gap is something that was not assessed, and why.
type Gap struct {
	Check   enum.SecurityCheck `json:"check"`
	Subject string             `json:"subject"`
	Reason  string             `json:"reason"`
}

// Report is what a scan came to.
type Report struct {
	Findings    []Finding
	NotAssessed []Gap
	// AdvisoriesDate is the day of the latest advisory on the bundled list, as 2006-01-02.
	AdvisoriesDate string
	// Files is how many were looked at, and Skipped how many were not.
	Files, Skipped int
	// Unread are the files that were not looked at: that nothing was found in them means
	// nothing.
	Unread map[string]bool
}

// Tree is the files to look at, in the byte order of their paths.
type Tree interface {
	Each(fn func(path string, content []byte) error) error
}

// Files is a Tree in memory.
type Files map[string]string

// Each calls fn with every file.
func (f Files) Each(fn func(path string, content []byte) error) error {
	paths := make([]string, 0, len(f))
	for path := range f {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := fn(path, []byte(f[path])); err != nil {
			return err
		}
	}
	return nil
}

// maxEvidence is how long evidence is, in bytes.
const maxEvidence = 240

var redactor = secret.NewRedactor()

// Evidence makes a line of a file fit to be shown: short, and without secrets.
func Evidence(line string) string {
	line = redactor.Redact(strings.TrimSpace(line))
	if len(line) > maxEvidence {
		line = strings.ToValidUTF8(line[:maxEvidence], "") + " …"
	}
	return strings.ToValidUTF8(line, "\uFFFD")
}

// Fingerprint names a flaw by its rule, its file, what stands there, and which of equal
// lines it is (0 for the first).
func Fingerprint(check enum.SecurityCheck, rule, file, evidence string, nth int) string {
	text := strings.Join([]string{string(check), rule, file, strings.Join(strings.Fields(evidence), " "), fmt.Sprint(nth)}, "\x00")
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// MarkReview gives a reviewer's finding its fingerprint: from the line as it stands, since
// the evidence is in the reviewer's words.
func MarkReview(rule, file, line string) string {
	return Fingerprint(enum.CheckReview, rule, file, Evidence(line), 0)
}

// settle puts findings into an order that doesn't depend on chance, takes doubles out, and
// gives each its fingerprint.
func settle(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Rule, b.Rule))
	})
	all = slices.CompactFunc(all, func(a, b Finding) bool {
		return a.Check == b.Check && a.Rule == b.Rule && a.File == b.File && a.Line == b.Line
	})
	seen := map[string]int{}
	for i := range all {
		f := &all[i]
		key := strings.Join([]string{string(f.Check), f.Rule, f.File, f.Evidence}, "\x00")
		f.Fingerprint = Fingerprint(f.Check, f.Rule, f.File, f.Evidence, seen[key])
		seen[key]++
	}
	return all
}

// lines knows where the lines of a text begin.
type lines struct {
	text   string
	starts []int
}

func linesOf(text string) lines {
	l := lines{text: text, starts: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// at is the number of the line that has the byte, from 1.
func (l lines) at(offset int) int {
	i, found := slices.BinarySearch(l.starts, offset)
	if found {
		return i + 1
	}
	return i
}

// line is the text of a line without its end.
func (l lines) line(n int) string {
	start, end := l.starts[n-1], len(l.text)
	if n < len(l.starts) {
		end = l.starts[n] - 1
	}
	return strings.TrimSuffix(l.text[start:end], "\r")
}
