package store_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// eachEmpty runs test on databases that have no tables.
func eachEmpty(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		db, err := store.OpenSQLite(filepath.Join(t.TempDir(), "zeblit.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		test(t, db)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url, drop, err := pgtest.Create("")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, drop()) })
		db, err := store.OpenPostgres(url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		test(t, db)
	})
}

// fill executes statements, each of which ends a line.
func fill(t *testing.T, db *store.DB, statements string) {
	t.Helper()
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		_, err := db.SQL.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// A project with two runs, of which the second tries the first again, and a third one
// that names a run which isn't there.
const before = `
INSERT INTO users (id, created_at, email, name, password_hash) VALUES ('usr_1', '2026-01-01', 'a@example.com', 'A', 'none');
INSERT INTO organisations (id, created_at, name) VALUES ('org_1', '2026-01-01', 'O');
INSERT INTO projects (id, created_at, name, updated_at, organisation_id, owner_id) VALUES ('prj_1', '2026-01-01', 'P', '2026-01-01', 'org_1', 'usr_1');
INSERT INTO conversations (id, created_at, title, updated_at, project_id) VALUES ('cnv_1', '2026-01-01', 'C', '2026-01-01', 'prj_1');
INSERT INTO agents (id, created_at, slug, name, description) VALUES ('agt_1', '2026-01-01', 'engineer', 'E', 'D');
INSERT INTO runs (id, created_at, message_id, state, project_id, conversation_id, agent_id, user_id, retried_from_id) VALUES
	('run_1', '2026-01-01', 'msg_1', 'FAILED', 'prj_1', 'cnv_1', 'agt_1', 'usr_1', NULL),
	('run_2', '2026-01-01', 'msg_1', 'RUNNING', 'prj_1', 'cnv_1', 'agt_1', 'usr_1', 'run_1'),
	('run_3', '2026-01-01', 'msg_1', 'QUEUED', 'prj_1', 'cnv_1', 'agt_1', 'usr_1', 'run_0');
INSERT INTO messages (id, created_at, role, status, position, conversation_id, project_id, run_id) VALUES
	('msg_1', '2026-01-01', 'USER', 'COMPLETE', 0, 'cnv_1', 'prj_1', 'run_1');
INSERT INTO tool_calls (id, created_at, position, call_id, name, input, state, project_id, run_id, message_id) VALUES
	('tcl_1', '2026-01-01', 0, 'c', 'list_files', '{}', 'DONE', 'prj_1', 'run_1', 'msg_1');`

func TestMigrationsKeepWhatIsThere(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, db *store.DB) {
		require.NoError(t, db.MigrateBefore(t.Context(), "retried_run"))
		fill(t, db, before)
		applied, err := db.Migrate(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, applied)

		retried := func() (all []string) {
			rows, err := db.SQL.QueryContext(t.Context(), "SELECT id || ' ' || state || ' ' || coalesce(retried_from_id, '-') FROM runs ORDER BY id")
			require.NoError(t, err)
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var each string
				require.NoError(t, rows.Scan(&each))
				all = append(all, each)
			}
			require.NoError(t, rows.Err())
			return all
		}
		require.Equal(t, []string{"run_1 FAILED -", "run_2 RUNNING run_1", "run_3 QUEUED -"}, retried())
		for _, table := range []string{"messages", "tool_calls"} {
			var run string
			require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT run_id FROM "+table).Scan(&run))
			require.Equal(t, "run_1", run, table)
		}
		_, err = db.SQL.ExecContext(t.Context(), "UPDATE runs SET retried_from_id = 'run_0' WHERE id = 'run_3'")
		require.Error(t, err, "a run tries one again that there is")
		_, err = db.SQL.ExecContext(t.Context(), "DELETE FROM runs WHERE id = 'run_1'")
		require.NoError(t, err)
		require.Equal(t, []string{"run_2 RUNNING -", "run_3 QUEUED -"}, retried())
		_, err = db.SQL.ExecContext(t.Context(), "DELETE FROM projects")
		require.NoError(t, err)
		require.Empty(t, retried())
	})
}

// Conversations that were there before they had a kind, by what makes each.
const unnamed = `
INSERT INTO users (id, created_at, email, name, password_hash) VALUES ('usr_1', '2026-01-01', 'a@example.com', 'A', 'none');
INSERT INTO organisations (id, created_at, name) VALUES ('org_1', '2026-01-01', 'O');
INSERT INTO projects (id, created_at, name, updated_at, organisation_id, owner_id) VALUES ('prj_1', '2026-01-01', 'P', '2026-01-01', 'org_1', 'usr_1');
INSERT INTO conversations (id, created_at, title, updated_at, project_id, task_id, forked_from_id) VALUES
	('cnv_1', '2026-01-01', 'chat', '2026-01-01', 'prj_1', '', ''),
	('cnv_2', '2026-01-01', 'task', '2026-01-01', 'prj_1', 'tsk_1', ''),
	('cnv_3', '2026-01-01', 'question', '2026-01-01', 'prj_1', '', ''),
	('cnv_4', '2026-01-01', 'fork of it', '2026-01-01', 'prj_1', '', 'msg_3');
INSERT INTO messages (id, created_at, role, status, position, conversation_id, project_id, sender_run_id) VALUES
	('msg_1', '2026-01-01', 'USER', 'COMPLETE', 0, 'cnv_1', 'prj_1', ''),
	('msg_2', '2026-01-01', 'USER', 'COMPLETE', 1, 'cnv_1', 'prj_1', 'run_1'),
	('msg_3', '2026-01-01', 'USER', 'COMPLETE', 0, 'cnv_3', 'prj_1', 'run_1'),
	('msg_4', '2026-01-01', 'USER', 'COMPLETE', 0, 'cnv_4', 'prj_1', 'run_1');`

func TestMigrationsNameTheKindOfConversations(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, db *store.DB) {
		require.NoError(t, db.MigrateBefore(t.Context(), "conversation_kind"))
		fill(t, db, unnamed)
		_, err := db.Migrate(t.Context())
		require.NoError(t, err)
		for id, kind := range map[string]string{"cnv_1": "CHAT", "cnv_2": "TASK", "cnv_3": "QUESTION", "cnv_4": "CHAT"} {
			var is string
			require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT kind FROM conversations WHERE id = $1", id).Scan(&is))
			require.Equal(t, kind, is, id)
		}
	})
}
