package finding

import (
	"cmp"
	"context"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entfinding "github.com/zeblit/zeblit/ent/finding"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/secret"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Review is a flaw that a reviewer has seen.
type Review struct {
	ProjectID, Branch, RunID string
	Rule, Title, File        string
	Line                     int
	Severity                 enum.Severity
	Evidence, Remedy         string
	CWE                      int
}

// The longest texts of a review, in bytes.
const (
	maxRule     = 80
	maxTitle    = 200
	maxEvidence = 2000
)

// Review keeps a reviewer's finding, in the viewer's name, who needs the role EDITOR. Its
// file and line must be there. The same one again changes what it says.
func (s *Service) Review(ctx context.Context, in Review) (kept *ent.Finding, err error) {
	if err := access.RequireRole(ctx, s.DB.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	in.Branch = cmp.Or(in.Branch, workspace.MainBranch)
	for _, f := range []struct {
		name, value string
		most        int
	}{{"rule", in.Rule, maxRule}, {"title", in.Title, maxTitle}, {"evidence", in.Evidence, maxEvidence}, {"remedy", in.Remedy, maxEvidence}} {
		if err := text(f.name, f.value, f.most); err != nil {
			return nil, err
		}
	}
	if in.Severity.Rank() == 0 {
		return nil, problem.BadField("severity", "the severities are LOW, MEDIUM, HIGH and CRITICAL")
	}
	if in.CWE < 0 || in.CWE > 9999 {
		return nil, problem.BadField("cwe", "cwe is a weakness's number, as 79")
	}
	snapshot, err := s.Files.Snapshot(ctx, in.ProjectID, in.Branch, "")
	if err != nil {
		return nil, err
	}
	file, err := s.Files.File(ctx, in.ProjectID, in.File, cmp.Or(snapshot.Commit, in.Branch))
	if err != nil {
		return nil, fieldOf(err, "file")
	}
	if file.Text == nil {
		return nil, problem.BadField("file", "the file is no text")
	}
	lines := strings.Split(strings.TrimSuffix(*file.Text, "\n"), "\n")
	if in.Line < 1 || in.Line > len(lines) {
		return nil, problem.BadField("line", "the file has lines 1 to %d", len(lines))
	}
	redactor := secret.NewRedactor()
	found := security.Finding{
		Check: enum.CheckReview, Rule: in.Rule, Title: redactor.Redact(in.Title), File: file.Path, Line: in.Line, Severity: in.Severity,
		Evidence: redactor.Redact(in.Evidence), Remedy: redactor.Redact(in.Remedy), CWE: in.CWE,
		Fingerprint: security.MarkReview(in.Rule, file.Path, lines[in.Line-1]),
	}
	for range races {
		err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			kept, err = s.keepReview(ctx, tx, in, snapshot.Commit, found)
			return err
		})
		if !ent.IsConstraintError(err) {
			break
		}
	}
	return kept, err
}

func (s *Service) keepReview(ctx context.Context, tx *store.Tx, in Review, revision string, found security.Finding) (*ent.Finding, error) {
	if err := access.RequireRole(ctx, tx.Ent, in.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	r := &recording{Service: s, tx: tx, in: Input{ProjectID: in.ProjectID, Branch: in.Branch, RunID: in.RunID}, revision: revision, now: store.Now(), out: &Outcome{}}
	if err := r.who(ctx); err != nil {
		return nil, err
	}
	known, err := tx.Ent.Finding.Query().Where(entfinding.ProjectID(in.ProjectID), entfinding.Branch(in.Branch), entfinding.Fingerprint(found.Fingerprint)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, err
	}
	if err := r.keep(ctx, known, found); err != nil {
		return nil, err
	}
	by := stream.Actor{UserID: viewer.UserID}
	if r.agentID != "" {
		by = stream.Actor{AgentID: r.agentID}
	}
	return r.out.Findings[0], s.tell(ctx, tx, in.ProjectID, in.RunID, by, r.changed...)
}

func text(field, value string, most int) error {
	if strings.TrimSpace(value) == "" {
		return problem.BadField(field, "%s is required", field)
	}
	if len(value) > most || !utf8.ValidString(value) || strings.Contains(value, "\x00") {
		return problem.BadField(field, "%s can have %d bytes of valid UTF-8 at most", field, most)
	}
	return nil
}

// fieldOf makes an error about a path one about the field that it came in.
func fieldOf(err error, field string) error {
	if p := problem.As(err); p != nil && p.Field == "path" {
		moved := *p
		moved.Field = field
		return &moved
	}
	return err
}
