package finding

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entfinding "github.com/zeblit/zeblit/ent/finding"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/workspace"
)

// AllChecks are those that need nobody's judgement.
var AllChecks = []enum.SecurityCheck{enum.CheckSecrets, enum.CheckDependencies, enum.CheckCode, enum.CheckHeaders}

// Input is what to scan.
type Input struct {
	ProjectID string
	Branch    string // "" is main
	RunID     string // of the agent that asks; "" for a person
	Checks    []enum.SecurityCheck
}

// Outcome is what a scan came to.
type Outcome struct {
	Scan *ent.SecurityScan
	// Findings are those that were seen, the worst first, whatever was decided about them.
	Findings []*ent.Finding
	// New is how many weren't known before, and Fixed how many are gone.
	New, Fixed int
}

// maxFindings is how many findings of a scan are kept: the worst.
const maxFindings = 300

var commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Scan looks at a branch's files and keeps what it finds, in the viewer's name, who needs
// the role EDITOR. The errors are NOT_FOUND with the field "projectId" or "ref", and
// BAD_USER_INPUT.
func (s *Service) Scan(ctx context.Context, in Input) (*Outcome, error) {
	if err := access.RequireRole(ctx, s.DB.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	in.Branch = cmp.Or(in.Branch, workspace.MainBranch)
	if commitHash.MatchString(in.Branch) {
		return nil, problem.BadField("ref", "findings belong to branches: name one")
	}
	select {
	case s.atOnce <- struct{}{}:
		defer func() { <-s.atOnce }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	snapshot, err := s.Files.Snapshot(ctx, in.ProjectID, in.Branch, "")
	if err != nil {
		return nil, err
	}
	reviewed, err := s.reviewed(ctx, in)
	if err != nil {
		return nil, err
	}
	report, err := security.Scan(ctx, tree{snapshot, reviewed}, in.Checks...)
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", in.ProjectID, err)
	}
	if slices.Contains(in.Checks, enum.CheckHeaders) {
		if err := s.headers(ctx, in, report); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(report.Findings, func(a, b security.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	if n := len(report.Findings); n > maxFindings {
		report.NotAssessed = append(report.NotAssessed, security.Gap{
			Check: report.Findings[maxFindings].Check, Subject: fmt.Sprintf("%d more findings", n-maxFindings), Reason: "a scan keeps the worst 300: mend those and scan again",
		})
		for _, f := range report.Findings[maxFindings:] {
			report.Unread[f.File] = true
		}
		report.Findings = report.Findings[:maxFindings]
	}
	return s.record(ctx, in, snapshot.Commit, report, reviewed)
}

// reviewed are the files of open findings that no rule has found, to be filled in with
// their texts.
func (s *Service) reviewed(ctx context.Context, in Input) (map[string]*string, error) {
	open, err := s.DB.Ent.Finding.Query().Where(entfinding.ProjectID(in.ProjectID), entfinding.Branch(in.Branch),
		entfinding.CheckEQ(enum.CheckReview), entfinding.StateEQ(enum.FindingOpen)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for findings of %s: %w", in.ProjectID, err)
	}
	files := make(map[string]*string, len(open))
	for _, f := range open {
		files[f.File] = nil
	}
	return files, nil
}

// tree is a snapshot's files, without its links.
type tree struct {
	*workspace.Snapshot
	reviewed map[string]*string
}

func (t tree) Each(fn func(path string, content []byte) error) error {
	return t.Snapshot.Each(func(path string, mode workspace.Mode, content []byte) error {
		if mode == workspace.Symlink {
			return nil
		}
		if _, wanted := t.reviewed[path]; wanted {
			text := string(content)
			t.reviewed[path] = &text
		}
		return fn(path, content)
	})
}

// headers asks the preview for its first page. What can't be asked is a gap.
func (s *Service) headers(ctx context.Context, in Input, report *security.Report) error {
	gap := func(subject, reason string) {
		report.NotAssessed = append(report.NotAssessed, security.Gap{Check: enum.CheckHeaders, Subject: subject, Reason: reason})
	}
	gap("what the app's own server sends", "the preview serves the project's files: a server of its own is not asked")
	page, err := s.Page(ctx, in.ProjectID, in.Branch)
	switch p := problem.As(err); {
	case p != nil:
		gap("the preview", p.Message)
		return nil //nolint:nilerr // it is told as a gap
	case err != nil:
		return fmt.Errorf("ask the preview of %s: %w", in.ProjectID, err)
	}
	if page.Status != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		gap("the preview", "there is no page to open: no index.html")
		return nil
	}
	report.Findings = append(report.Findings, security.Headers(*page)...)
	return nil
}
