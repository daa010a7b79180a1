package security

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/secret"
)

// Scan looks at a tree with some of the checks SECRETS, DEPENDENCIES and CODE. It ends
// early, with an error, when ctx does.
func Scan(ctx context.Context, tree Tree, checks ...enum.SecurityCheck) (*Report, error) {
	s := &scan{ctx: ctx, checks: checks, gaps: map[gapKey]int{}, sample: map[gapKey]string{}, unread: map[string]bool{}}
	if err := tree.Each(s.file); err != nil {
		return nil, err
	}
	report := &Report{AdvisoriesDate: AdvisoriesDate(), Files: s.files, Skipped: s.skipped, Unread: s.unread}
	if s.has(enum.CheckDependencies) {
		s.manifests.check(s)
	}
	report.Findings = settle(s.found)
	report.NotAssessed = s.notAssessed()
	return report, nil
}

type gapKey struct {
	check           enum.SecurityCheck
	subject, reason string
}

type scan struct {
	ctx            context.Context //nolint:containedctx // it lives as long as one call of Scan
	checks         []enum.SecurityCheck
	found          []Finding
	gaps           map[gapKey]int // how many files
	sample         map[gapKey]string
	unread         map[string]bool
	manifests      manifests
	files, skipped int
	total          int
}

func (s *scan) has(c enum.SecurityCheck) bool { return slices.Contains(s.checks, c) }

// skip notes a file that a check has not looked at.
func (s *scan) skip(check enum.SecurityCheck, file, subject, reason string) {
	if !s.has(check) {
		return
	}
	s.unread[file] = true
	key := gapKey{check, subject, reason}
	if s.gaps[key] == 0 {
		s.sample[key] = file
	}
	s.gaps[key]++
}

// gap notes something else that was not assessed.
func (s *scan) gap(check enum.SecurityCheck, subject, reason string) {
	s.gaps[gapKey{check, subject, reason}] = 0
}

func (s *scan) file(file string, content []byte) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	whole := func(subject, reason string) error {
		s.skipped++
		s.skip(enum.CheckSecrets, file, subject, reason)
		s.skip(enum.CheckCode, file, subject, reason)
		return nil
	}
	if vendored.MatchString(file) {
		return whole("code of others", "it isn't the project's own (node_modules, vendor and such)")
	}
	if s.has(enum.CheckDependencies) && isManifest(file) && len(content) <= maxManifest {
		s.manifests.add(file, string(content))
	}
	switch {
	case locks.MatchString(file):
		return nil // what is in them is for the check of dependencies
	case len(content) == 0:
		s.files++
		return nil
	case !isText(content):
		return whole("binary files", "they are no text")
	case len(content) > maxFile:
		return whole("large files", "they have more than 1 MiB")
	case s.total+len(content) > maxTotal:
		return whole("files beyond 24 MiB in all", "a scan reads no more")
	}
	s.total += len(content)
	s.files++
	text := string(content)
	if s.has(enum.CheckSecrets) {
		s.secrets(file, text)
	}
	if s.has(enum.CheckCode) {
		s.code(file, text)
	}
	return nil
}

func (s *scan) secrets(file, text string) {
	at := linesOf(text)
	for _, h := range secret.Find(file, text) {
		n := at.at(h.From)
		line := at.line(n)
		start := h.From - at.starts[n-1]
		end := min(start+h.To-h.From, len(line)) // a key may go over lines
		severity := enum.SeverityCritical
		switch {
		case h.Rule == "generic-api-key" || h.Rule == "jwt":
			severity = enum.SeverityHigh
		case tests.MatchString(file):
			severity = enum.SeverityMedium
		}
		s.found = append(s.found, Finding{
			Check: enum.CheckSecrets, Rule: h.Rule, Title: titleOf(h), File: file, Line: n, Severity: severity,
			Evidence: Evidence(line[:start] + secret.Mark + line[end:]), CWE: 798,
			Remedy: "Revoke it where it was issued, as it is in the history too; read the new one from the environment.",
		})
	}
}

// titleOf is the first part of what gitleaks says of a rule: "Identified a …".
func titleOf(h secret.Hit) string {
	title, _, _ := strings.Cut(h.Title, ", ")
	for _, start := range []string{"Identified ", "Detected ", "Uncovered ", "Discovered ", "Found "} {
		if rest, ok := strings.CutPrefix(title, start); ok && rest != "" {
			title = rest
		}
	}
	for _, article := range []string{"a ", "an ", "A ", "An "} {
		title = strings.TrimPrefix(title, article)
	}
	return "A secret: " + title
}

func (s *scan) code(file, text string) {
	language := languageOf(file)
	switch {
	case language == "":
		if name := foreign[strings.ToLower(path.Ext(file))]; name != "" {
			s.skip(enum.CheckCode, file, name, "there are no rules for it")
		}
		return
	case built.MatchString(file) || !written(text):
		s.skip(enum.CheckCode, file, "built files", "programs wrote them: look at their sources")
		return
	case tests.MatchString(file):
		s.skip(enum.CheckCode, file, "tests", "flaws there are often on purpose")
		return
	}
	kinds := mask(language, text)
	plain := blank(text, kinds)
	lower := strings.ToLower(plain)
	at := linesOf(text)
	taken := map[int]bool{}
	for _, f := range s.found {
		if f.File == file && f.Check == enum.CheckSecrets {
			taken[f.Line] = true
		}
	}
	for _, p := range patterns() {
		if !p.isFor(file, language, plain, lower) {
			continue
		}
		for _, f := range p.scan(file, plain, kinds, at) {
			if p.Secret > 0 && taken[f.Line] {
				continue // it is reported already, or another rule of this kind has it
			}
			if p.Secret > 0 {
				taken[f.Line] = true
			}
			s.found = append(s.found, f)
		}
	}
}

// notAssessed lists the gaps, with how many files each has.
func (s *scan) notAssessed() []Gap {
	if s.has(enum.CheckCode) {
		s.gap(enum.CheckCode, "what needs understanding", "rules look at a few lines at a time: they don't follow data between functions and files, and know nothing of who may do what")
	}
	if s.has(enum.CheckSecrets) {
		s.gap(enum.CheckSecrets, "the history", "only the files as they are at this revision were read")
	}
	if s.has(enum.CheckDependencies) {
		s.gap(enum.CheckDependencies, "advisories that are not on the list", fmt.Sprintf("the bundled list has %d well-known ones up to %s; it is no complete database", len(advisories()), AdvisoriesDate()))
	}
	var all []Gap
	for key, n := range s.gaps {
		subject := key.subject
		switch {
		case n == 1:
			subject += " (" + s.sample[key] + ")"
		case n > 1:
			subject += fmt.Sprintf(" (%d files, as %s)", n, s.sample[key])
		}
		all = append(all, Gap{key.check, subject, key.reason})
	}
	slices.SortFunc(all, func(a, b Gap) int {
		return strings.Compare(string(a.Check)+a.Subject+a.Reason, string(b.Check)+b.Subject+b.Reason)
	})
	return all
}
