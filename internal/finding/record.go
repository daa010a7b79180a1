package finding

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entfinding "github.com/zeblit/zeblit/ent/finding"
	"github.com/zeblit/zeblit/ent/securityscan"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// races is how often a record is tried again because another scan was first.
const races = 5

// record keeps what a scan has found. Of two scans at the same moment the second one finds
// what the first has kept.
func (s *Service) record(ctx context.Context, in Input, revision string, report *security.Report, reviewed map[string]*string) (out *Outcome, err error) {
	for range races {
		err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
				return err
			}
			r := &recording{Service: s, tx: tx, in: in, revision: revision, report: report, now: store.Now(), out: &Outcome{}}
			if err := r.run(ctx, reviewed); err != nil {
				return err
			}
			out = r.out
			return nil
		})
		if !ent.IsConstraintError(err) {
			break
		}
	}
	return out, err
}

// recording is one try to keep what a scan has found.
type recording struct {
	*Service
	tx       *store.Tx
	in       Input
	revision string
	report   *security.Report
	out      *Outcome
	now      time.Time
	agentID  string
	changed  []*ent.Finding
}

func (r *recording) run(ctx context.Context, reviewed map[string]*string) error {
	if err := r.who(ctx); err != nil {
		return err
	}
	known, err := r.tx.Ent.Finding.Query().Where(entfinding.ProjectID(r.in.ProjectID), entfinding.Branch(r.in.Branch)).All(ctx)
	if err != nil {
		return fmt.Errorf("read the findings of %s: %w", r.in.ProjectID, err)
	}
	byFingerprint := make(map[string]*ent.Finding, len(known))
	for _, f := range known {
		byFingerprint[f.Fingerprint] = f
	}
	seen := make(map[string]bool, len(r.report.Findings))
	for _, found := range r.report.Findings {
		seen[found.Fingerprint] = true
		if err := r.keep(ctx, byFingerprint[found.Fingerprint], found); err != nil {
			return err
		}
	}
	for _, f := range known {
		switch {
		case f.State != enum.FindingOpen || seen[f.Fingerprint] || r.report.Unread[f.File]:
		case f.Check == enum.CheckReview:
			err = r.review(ctx, f, reviewed)
		case slices.Contains(r.in.Checks, f.Check):
			err = r.fix(ctx, f)
		}
		if err != nil {
			return err
		}
	}
	if err := r.scan(ctx); err != nil {
		return err
	}
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return err
	}
	by := stream.Actor{UserID: viewer.UserID}
	if r.agentID != "" {
		by = stream.Actor{AgentID: r.agentID}
	}
	return r.tell(ctx, r.tx, r.in.ProjectID, r.in.RunID, by, r.changed...)
}

// who finds out which agent scans.
func (r *recording) who(ctx context.Context) error {
	if r.in.RunID == "" {
		return nil
	}
	run, err := r.tx.Ent.Run.Get(ctx, r.in.RunID)
	if err != nil {
		return fmt.Errorf("read run %s: %w", r.in.RunID, err)
	}
	r.agentID = run.AgentID
	return nil
}

// keep makes a finding, or notes that it was seen again.
func (r *recording) keep(ctx context.Context, known *ent.Finding, found security.Finding) (err error) {
	if known == nil {
		create := r.tx.Ent.Finding.Create().SetProjectID(r.in.ProjectID).SetBranch(r.in.Branch).SetFingerprint(found.Fingerprint).
			SetCheck(found.Check).SetRule(found.Rule).SetTitle(found.Title).SetFile(found.File).SetLine(found.Line).SetSeverity(found.Severity).
			SetEvidence(found.Evidence).SetRemedy(found.Remedy).SetCwe(found.CWE).SetRevision(r.revision).SetState(enum.FindingOpen).
			SetCreatedAt(r.now).SetSeenAt(r.now)
		if r.in.RunID != "" {
			create.SetRunID(r.in.RunID).SetAgentID(r.agentID)
		}
		if known, err = create.Save(ctx); err != nil {
			return fmt.Errorf("keep a finding: %w", err)
		}
		r.out.New++
		r.out.Findings, r.changed = append(r.out.Findings, known), append(r.changed, known)
		return nil
	}
	state := known.State
	if state == enum.FindingFixed {
		state = enum.FindingOpen
	}
	told := state != known.State || known.Line != found.Line || known.Severity != found.Severity || known.Title != found.Title || known.Evidence != found.Evidence
	known, err = r.tx.Ent.Finding.UpdateOneID(known.ID).SetState(state).SetLine(found.Line).SetSeverity(found.Severity).SetTitle(found.Title).
		SetEvidence(found.Evidence).SetRemedy(found.Remedy).SetRevision(r.revision).SetSeenAt(r.now).Save(ctx)
	if err != nil {
		return fmt.Errorf("note that a finding was seen: %w", err)
	}
	r.out.Findings = append(r.out.Findings, known)
	if told {
		r.changed = append(r.changed, known)
	}
	return nil
}

// fix notes that a finding is gone.
func (r *recording) fix(ctx context.Context, f *ent.Finding) error {
	fixed, err := r.tx.Ent.Finding.UpdateOneID(f.ID).SetState(enum.FindingFixed).SetRevision(r.revision).Save(ctx)
	if err != nil {
		return fmt.Errorf("note that a finding is fixed: %w", err)
	}
	r.out.Fixed++
	r.changed = append(r.changed, fixed)
	return nil
}

// review looks whether the line of a reviewer's finding still stands in its file. Whether
// what is there now is better no rule can tell.
func (r *recording) review(ctx context.Context, f *ent.Finding, files map[string]*string) error {
	content, asked := files[f.File]
	if !asked {
		return nil // it came while the scan ran
	}
	if content != nil {
		n := 0
		for line := range strings.Lines(*content) {
			n++
			if security.MarkReview(f.Rule, f.File, line) != f.Fingerprint {
				continue
			}
			if n == f.Line {
				return nil
			}
			moved, err := r.tx.Ent.Finding.UpdateOneID(f.ID).SetLine(n).SetRevision(r.revision).SetSeenAt(r.now).Save(ctx)
			if err != nil {
				return fmt.Errorf("note that a finding has moved: %w", err)
			}
			r.changed = append(r.changed, moved)
			return nil
		}
	}
	return r.fix(ctx, f)
}

// scan keeps the scan itself, in the place of those that say nothing more.
func (r *recording) scan(ctx context.Context) error {
	gaps := make([][3]string, len(r.report.NotAssessed))
	for i, g := range r.report.NotAssessed {
		gaps[i] = [3]string{string(g.Check), g.Subject, g.Reason}
	}
	create := r.tx.Ent.SecurityScan.Create().SetProjectID(r.in.ProjectID).SetBranch(r.in.Branch).SetRevision(r.revision).SetChecks(r.in.Checks).
		SetNotAssessed(gaps).SetAdvisoriesDate(r.report.AdvisoriesDate).SetFiles(r.report.Files).SetSkipped(r.report.Skipped).SetCreatedAt(r.now)
	if r.in.RunID != "" {
		create.SetRunID(r.in.RunID)
	}
	var err error
	if r.out.Scan, err = create.Save(ctx); err != nil {
		return fmt.Errorf("keep a scan: %w", err)
	}
	all, err := scansOf(ctx, r.tx.Ent, r.in.ProjectID, r.in.Branch)
	if err != nil {
		return err
	}
	var old []string
	newer := map[enum.SecurityCheck]bool{}
	for _, s := range all {
		adds := false
		for _, check := range s.Checks {
			adds, newer[check] = adds || !newer[check], true
		}
		if !adds {
			old = append(old, s.ID)
		}
	}
	if _, err := r.tx.Ent.SecurityScan.Delete().Where(securityscan.IDIn(old...)).Exec(ctx); err != nil {
		return fmt.Errorf("drop old scans: %w", err)
	}
	return nil
}

// scansOf are the scans of a branch, newest first.
func scansOf(ctx context.Context, c *ent.Client, projectID, branch string) ([]*ent.SecurityScan, error) {
	all, err := c.SecurityScan.Query().Where(securityscan.ProjectID(projectID), securityscan.Branch(branch)).Order(ent.Desc(securityscan.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the scans of %s: %w", projectID, err)
	}
	return all, nil
}
