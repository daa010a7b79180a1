-- Modify "messages" table
ALTER TABLE "messages" ADD COLUMN "seen_step" bigint NULL;
-- Modify "projects" table
ALTER TABLE "projects" ADD COLUMN "served_at" bigint NOT NULL DEFAULT 0;
-- Drop index "run_active_conversation" from table: "runs"
DROP INDEX "run_active_conversation";
-- Modify "runs" table
ALTER TABLE "runs" ADD COLUMN "step_until" bigint NOT NULL DEFAULT 0, ADD COLUMN "deadline_at" bigint NOT NULL DEFAULT 0, ADD COLUMN "priority" bigint NOT NULL DEFAULT 0, ADD COLUMN "pause_requested" boolean NOT NULL DEFAULT false, ADD COLUMN "steer_requested" boolean NOT NULL DEFAULT false, ADD COLUMN "retried_from_id" character varying NULL COLLATE "C";
-- Create index "run_active_conversation" to table: "runs"
CREATE UNIQUE INDEX "run_active_conversation" ON "runs" ("conversation_id") WHERE (((state)::text <> 'QUEUED'::text) AND ((state)::text <> 'SUCCEEDED'::text) AND ((state)::text <> 'FAILED'::text) AND ((state)::text <> 'CANCELLED'::text));
-- Create index "run_deadline" to table: "runs"
CREATE INDEX "run_deadline" ON "runs" ("deadline_at") WHERE (deadline_at > 0);
-- Create index "run_held" to table: "runs"
CREATE INDEX "run_held" ON "runs" ("project_id") WHERE (step_until > 0);
-- Create index "run_retried_from_id" to table: "runs"
CREATE UNIQUE INDEX "run_retried_from_id" ON "runs" ("retried_from_id");
