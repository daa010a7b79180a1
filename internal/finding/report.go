package finding

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entfinding "github.com/zeblit/zeblit/ent/finding"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Report is what is known of a branch by its latest scans.
type Report struct {
	Branch string
	// Checks has the latest scan of each check that was made.
	Checks []Checked
	Counts []Count
	// NotAssessed are the gaps of these scans, and the checks that were never made.
	NotAssessed []security.Gap
	// AdvisoriesDate is the day of the latest advisory on the list that was looked at.
	AdvisoriesDate string
	// Latest is the latest scan.
	Latest *ent.SecurityScan
}

// Checked is a check and the latest scan that made it.
type Checked struct {
	Check enum.SecurityCheck
	Scan  *ent.SecurityScan
}

// Count is how many findings of a severity are open.
type Count struct {
	Severity enum.Severity
	Open     int
}

// Gaps are what a scan has not assessed.
func Gaps(s *ent.SecurityScan) []security.Gap {
	gaps := make([]security.Gap, len(s.NotAssessed))
	for i, g := range s.NotAssessed {
		gaps[i] = security.Gap{Check: enum.SecurityCheck(g[0]), Subject: g[1], Reason: g[2]}
	}
	return gaps
}

// ReportOf is what is known of a branch ("" is main), by what the viewer may see; nil when
// it was never scanned.
func ReportOf(ctx context.Context, c *ent.Client, projectID, branch string) (*Report, error) {
	branch = cmp.Or(branch, workspace.MainBranch)
	if workspace.CheckBranch(branch) != nil {
		return nil, nil //nolint:nilerr // no branch has such a name, so nothing was scanned
	}
	scans, err := scansOf(ctx, c, projectID, branch)
	if err != nil || len(scans) == 0 {
		return nil, err
	}
	r := &Report{Branch: branch, Latest: scans[0], AdvisoriesDate: scans[0].AdvisoriesDate}
	for _, check := range AllChecks {
		i := slices.IndexFunc(scans, func(s *ent.SecurityScan) bool { return slices.Contains(s.Checks, check) })
		if i < 0 {
			r.NotAssessed = append(r.NotAssessed, security.Gap{Check: check, Subject: "everything", Reason: "this check was never made here"})
			continue
		}
		r.Checks = append(r.Checks, Checked{check, scans[i]})
		if check == enum.CheckDependencies {
			r.AdvisoriesDate = scans[i].AdvisoriesDate
		}
		for _, gap := range Gaps(scans[i]) {
			if gap.Check == check {
				r.NotAssessed = append(r.NotAssessed, gap)
			}
		}
	}
	var counted []struct {
		Severity enum.Severity `json:"severity"`
		Open     int           `json:"open"`
	}
	err = c.Finding.Query().Where(entfinding.ProjectID(projectID), entfinding.Branch(branch), entfinding.StateEQ(enum.FindingOpen)).
		GroupBy(entfinding.FieldSeverity).Aggregate(ent.As(ent.Count(), "open")).Scan(ctx, &counted)
	if err != nil {
		return nil, fmt.Errorf("count the findings of %s: %w", projectID, err)
	}
	for _, severity := range enum.Severity("").Values() {
		one := Count{Severity: enum.Severity(severity)}
		for _, c := range counted {
			if c.Severity == one.Severity {
				one.Open = c.Open
			}
		}
		r.Counts = append(r.Counts, one)
	}
	slices.SortFunc(r.Counts, func(a, b Count) int { return b.Severity.Rank() - a.Severity.Rank() })
	slices.SortStableFunc(r.NotAssessed, func(a, b security.Gap) int { return strings.Compare(string(a.Check), string(b.Check)) })
	return r, nil
}
