-- Create "findings" table
CREATE TABLE "findings" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "branch" character varying NOT NULL, "fingerprint" character varying NOT NULL, "found_by" character varying NOT NULL, "rule" character varying NOT NULL, "title" character varying NOT NULL, "file" character varying NOT NULL, "line" bigint NOT NULL, "severity" character varying NOT NULL, "evidence" text NOT NULL, "remedy" text NOT NULL, "cwe" bigint NOT NULL DEFAULT 0, "revision" character varying NOT NULL, "state" character varying NOT NULL, "reason" text NOT NULL DEFAULT '', "decided_by_id" character varying NULL COLLATE "C", "seen_at" timestamptz NOT NULL, "project_id" character varying NOT NULL COLLATE "C", "run_id" character varying NULL COLLATE "C", "agent_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "findings_agents_agent" FOREIGN KEY ("agent_id") REFERENCES "agents" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, CONSTRAINT "findings_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "findings_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "finding_project_id_branch_fingerprint" to table: "findings"
CREATE UNIQUE INDEX "finding_project_id_branch_fingerprint" ON "findings" ("project_id", "branch", "fingerprint");
-- Create index "finding_project_id_state" to table: "findings"
CREATE INDEX "finding_project_id_state" ON "findings" ("project_id", "state");
-- Create index "finding_run_id" to table: "findings"
CREATE INDEX "finding_run_id" ON "findings" ("run_id");
-- Create "security_scans" table
CREATE TABLE "security_scans" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "branch" character varying NOT NULL, "revision" character varying NOT NULL, "checks" jsonb NOT NULL, "not_assessed" jsonb NULL, "advisories_date" character varying NOT NULL, "files" bigint NOT NULL, "skipped" bigint NOT NULL, "project_id" character varying NOT NULL COLLATE "C", "run_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "security_scans_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "security_scans_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "securityscan_project_id_branch_id" to table: "security_scans"
CREATE INDEX "securityscan_project_id_branch_id" ON "security_scans" ("project_id", "branch", "id");
-- Create index "securityscan_run_id" to table: "security_scans"
CREATE INDEX "securityscan_run_id" ON "security_scans" ("run_id");
