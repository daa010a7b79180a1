package finding_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/finding"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/security"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type testBundle struct {
	*finding.Service
	owner   context.Context
	project *ent.Project
	page    *security.Page
}

func setup(t *testing.T, db *store.DB) *testBundle {
	t.Helper()
	log := stream.NewLog(db, memory.New(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	b := &testBundle{}
	b.Service = finding.New(finding.Options{DB: db, Log: log, Files: workspace.New(db, log), Page: func(context.Context, string, string) (*security.Page, error) {
		if b.page == nil {
			return nil, problem.New(problem.PreconditionFailed, "no previews here")
		}
		return b.page, nil
	}})
	ada := storetest.User(t, db, "ada@example.com")
	b.owner = access.WithViewer(t.Context(), ada)
	b.project = storetest.Project(t, db, ada, "P")
	return b
}

func (b *testBundle) write(t *testing.T, path, text string) {
	t.Helper()
	_, err := b.Files.Commit(b.owner, workspace.Main(b.project.ID), workspace.Author{Name: "Ada", Email: "ada@example.com"}, "change",
		workspace.Change{Path: path, Content: &text})
	require.NoError(t, err)
}

func (b *testBundle) scan(t *testing.T, checks ...enum.SecurityCheck) *finding.Outcome {
	t.Helper()
	if len(checks) == 0 {
		checks = finding.AllChecks
	}
	out, err := b.Scan(b.owner, finding.Input{ProjectID: b.project.ID, Checks: checks})
	require.NoError(t, err)
	return out
}

// told are the states of findings that events tell of.
func (b *testBundle) told(t *testing.T) (states []enum.FindingState) {
	t.Helper()
	h, err := access.StreamReader(b.owner, b.DB.Ent, b.project.ID)
	require.NoError(t, err)
	events, err := b.Log.Read(b.owner, h, 0, 1000)
	require.NoError(t, err)
	for _, e := range events {
		if e.Type != enum.EventFindingChanged {
			continue
		}
		var p stream.FindingPayload
		require.NoError(t, json.Unmarshal(e.Payload, &p))
		require.NotEmpty(t, p.Actor.UserID)
		states = append(states, p.Finding.State)
	}
	return states
}

const dangerous = "const page = location.hash;\neval(page);\n"

func TestTheSameFlawIsTheSameFinding(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		report, err := finding.ReportOf(b.owner, db.Ent, b.project.ID, "")
		require.NoError(t, err)
		require.Nil(t, report)

		b.write(t, "app.js", dangerous)
		first := b.scan(t)
		require.Len(t, first.Findings, 1)
		require.Equal(t, 1, first.New)
		f := first.Findings[0]
		require.Equal(t, "js-eval", f.Rule)
		require.Equal(t, 2, f.Line)
		require.Equal(t, enum.FindingOpen, f.State)

		b.write(t, "app.js", "// A line more.\n"+dangerous)
		again := b.scan(t)
		require.Zero(t, again.New)
		require.Equal(t, f.ID, again.Findings[0].ID)
		require.Equal(t, 3, again.Findings[0].Line)
		require.NotEqual(t, f.Revision, again.Findings[0].Revision)
		require.Zero(t, b.scan(t).New)

		b.write(t, "app.js", "render(JSON.parse(page));\n")
		require.Zero(t, b.scan(t, enum.CheckSecrets).Fixed, "another check knows nothing of it")
		require.Equal(t, 1, b.scan(t).Fixed)
		b.write(t, "app.js", dangerous)
		back := b.scan(t)
		require.Equal(t, f.ID, back.Findings[0].ID)
		require.Equal(t, enum.FindingOpen, back.Findings[0].State)
		require.Equal(t, []enum.FindingState{enum.FindingOpen, enum.FindingOpen, enum.FindingFixed, enum.FindingOpen}, b.told(t))

		report, err = finding.ReportOf(b.owner, db.Ent, b.project.ID, "")
		require.NoError(t, err)
		require.Len(t, report.Checks, 4)
		require.Equal(t, []finding.Count{{enum.SeverityCritical, 0}, {enum.SeverityHigh, 1}, {enum.SeverityMedium, 0}, {enum.SeverityLow, 0}}, report.Counts)
		require.NotEmpty(t, report.AdvisoriesDate)
		require.Contains(t, report.NotAssessed, security.Gap{Check: enum.CheckHeaders, Subject: "the preview", Reason: "no previews here"})
		scans, err := db.Ent.SecurityScan.Query().Count(b.owner)
		require.NoError(t, err)
		require.Equal(t, 1, scans, "those that say nothing more are gone")
	})
}

func TestWhatPeopleDecideStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.write(t, "app.js", dangerous)
		id := b.scan(t).Findings[0].ID
		_, err := b.Dismiss(b.owner, id, " ")
		require.Equal(t, "reason", problem.As(err).Field)
		f, err := b.Dismiss(b.owner, id, "the page is a sandbox of its own")
		require.NoError(t, err)
		require.Equal(t, enum.FindingDismissed, f.State)
		require.NotNil(t, f.DecidedByID)
		require.Equal(t, enum.FindingDismissed, b.scan(t).Findings[0].State)
		f, err = b.Reopen(b.owner, id)
		require.NoError(t, err)
		require.Equal(t, enum.FindingOpen, f.State)
		require.Empty(t, f.Reason)
		b.write(t, "app.js", "\n")
		require.Equal(t, 1, b.scan(t).Fixed)
		for _, decide := range []func() error{
			func() error { _, err := b.Dismiss(b.owner, id, "x"); return err },
			func() error { _, err := b.Reopen(b.owner, id); return err },
		} {
			require.True(t, problem.Is(decide(), problem.PreconditionFailed))
		}
	})
}

func TestNoSecretIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		key := "AKIA" + "Z7QWJ4NTKE2RVX3M"
		b.write(t, "deploy.py", "aws_access_key_id = \""+key+"\"\n")
		found := b.scan(t, enum.CheckSecrets).Findings
		require.Len(t, found, 1)
		_, err := b.Review(b.owner, finding.Review{
			ProjectID: b.project.ID, Rule: "key", Title: "A key", File: "deploy.py", Line: 1, Severity: enum.SeverityHigh,
			Evidence: "it says " + key, Remedy: "revoke " + key,
		})
		require.NoError(t, err)
		rows, err := db.Ent.Finding.Query().All(b.owner)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		raw, err := json.Marshal(rows)
		require.NoError(t, err)
		require.NotContains(t, string(raw), key)
		require.Contains(t, string(raw), "[redacted]")
	})
}

func TestAReviewersFindingHasAPlace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.write(t, "server.js", "app.get('/todos/:id', show);\napp.delete('/todos/:id', remove);\n")
		seen := finding.Review{
			ProjectID: b.project.ID, Rule: "missing-owner-check", Title: "Anybody deletes any todo", File: "server.js", Line: 2,
			Severity: enum.SeverityHigh, Evidence: "no handler before remove asks whose it is", Remedy: "compare the owner", CWE: 639,
		}
		f, err := b.Review(b.owner, seen)
		require.NoError(t, err)
		same, err := b.Review(b.owner, seen)
		require.NoError(t, err)
		require.Equal(t, f.ID, same.ID)
		for field, wrong := range map[string]func(*finding.Review){
			"file": func(r *finding.Review) { r.File = "none.js" }, "line": func(r *finding.Review) { r.Line = 3 },
			"severity": func(r *finding.Review) { r.Severity = "AWFUL" }, "rule": func(r *finding.Review) { r.Rule = "" },
			"evidence": func(r *finding.Review) { r.Evidence = "" }, "remedy": func(r *finding.Review) { r.Remedy = "" },
			"cwe": func(r *finding.Review) { r.CWE = -1 },
		} {
			other := seen
			wrong(&other)
			_, err := b.Review(b.owner, other)
			require.NotNil(t, problem.As(err), field)
			require.Equal(t, field, problem.As(err).Field)
		}
		b.write(t, "server.js", "app.use(session);\napp.get('/todos/:id', show);\napp.delete('/todos/:id', remove);\n")
		require.Zero(t, b.scan(t, enum.CheckCode).Fixed)
		f, err = db.Ent.Finding.Get(b.owner, f.ID)
		require.NoError(t, err)
		require.Equal(t, 3, f.Line)
		b.write(t, "server.js", "app.delete('/todos/:id', mine, remove);\n")
		require.Equal(t, 1, b.scan(t, enum.CheckCode).Fixed)
	})
}

func TestScansAtTheSameMomentFindTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.write(t, "app.js", dangerous)
		var all sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			all.Go(func() {
				_, errs[i] = b.Scan(b.owner, finding.Input{ProjectID: b.project.ID, Checks: finding.AllChecks})
			})
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		n, err := db.Ent.Finding.Query().Count(b.owner)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

func TestTheHeadersOfThePreview(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.page = &security.Page{File: "index.html", Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<!doctype html>")}
		require.Len(t, b.scan(t, enum.CheckHeaders).Findings, 4)
		b.page.Header = http.Header{"Content-Type": {"text/html"}, "Content-Security-Policy": {"default-src 'self'; frame-ancestors 'self'"}, "X-Content-Type-Options": {"nosniff"}, "Referrer-Policy": {"no-referrer"}}
		out := b.scan(t, enum.CheckHeaders)
		require.Empty(t, out.Findings)
		require.Equal(t, 4, out.Fixed)
		require.NotEmpty(t, finding.Gaps(out.Scan), "the app's own server was not asked")
	})
}

func TestWhoMayScanAndDecide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.write(t, "app.js", dangerous)
		id := b.scan(t).Findings[0].ID
		eve, guest := storetest.User(t, db, "eve@example.com"), storetest.User(t, db, "guest@example.com")
		require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(guest.UserID).
			SetRole(enum.ProjectViewer).Exec(storetest.Unchecked(t.Context())))
		for viewer, code := range map[access.Viewer]problem.Code{eve: problem.NotFound, guest: problem.Forbidden} {
			ctx := access.WithViewer(t.Context(), viewer)
			_, err := b.Scan(ctx, finding.Input{ProjectID: b.project.ID, Checks: finding.AllChecks})
			require.True(t, problem.Is(err, code), err)
			_, err = b.Review(ctx, finding.Review{ProjectID: b.project.ID})
			require.True(t, problem.Is(err, code), err)
			_, err = b.Dismiss(ctx, id, "")
			require.True(t, problem.Is(err, code), err)
			_, err = b.Reopen(ctx, id)
			require.True(t, problem.Is(err, code), err)
			n, err := db.Ent.Finding.Query().Count(ctx)
			require.NoError(t, err)
			require.Equal(t, viewer == guest, n == 1)
		}
		_, err := b.Scan(b.owner, finding.Input{ProjectID: b.project.ID, Branch: "none", Checks: finding.AllChecks})
		require.Equal(t, "ref", problem.As(err).Field)
		_, err = b.Scan(b.owner, finding.Input{ProjectID: b.project.ID, Branch: b.scan(t).Scan.Revision, Checks: finding.AllChecks})
		require.Equal(t, "ref", problem.As(err).Field)
	})
}
