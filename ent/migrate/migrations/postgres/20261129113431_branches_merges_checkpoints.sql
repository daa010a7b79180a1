-- Modify "conversations" table
ALTER TABLE "conversations" ADD COLUMN "retracted" jsonb NULL;
-- Modify "messages" table
ALTER TABLE "messages" ADD COLUMN "retracted" boolean NOT NULL DEFAULT false;
-- Modify "runs" table
ALTER TABLE "runs" ADD COLUMN "branch" character varying NOT NULL DEFAULT '';
-- Create "checkpoints" table
CREATE TABLE "checkpoints" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "branch" character varying NOT NULL DEFAULT '', "hash" character varying NOT NULL DEFAULT '', "position" bigint NOT NULL DEFAULT 0, "retracted" jsonb NULL, "reason" character varying NOT NULL, "project_id" character varying NOT NULL COLLATE "C", "conversation_id" character varying NULL COLLATE "C", "run_id" character varying NULL COLLATE "C", "tool_call_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "checkpoints_conversations_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, CONSTRAINT "checkpoints_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "checkpoints_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, CONSTRAINT "checkpoints_tool_calls_tool_call" FOREIGN KEY ("tool_call_id") REFERENCES "tool_calls" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "checkpoint_conversation_id" to table: "checkpoints"
CREATE INDEX "checkpoint_conversation_id" ON "checkpoints" ("conversation_id");
-- Create index "checkpoint_project_id" to table: "checkpoints"
CREATE INDEX "checkpoint_project_id" ON "checkpoints" ("project_id");
-- Create index "checkpoint_run_id" to table: "checkpoints"
CREATE INDEX "checkpoint_run_id" ON "checkpoints" ("run_id");
-- Create index "checkpoint_tool_call_id" to table: "checkpoints"
CREATE INDEX "checkpoint_tool_call_id" ON "checkpoints" ("tool_call_id");
-- Create "merges" table
CREATE TABLE "merges" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "source" character varying NOT NULL, "target" character varying NOT NULL, "message" character varying NOT NULL DEFAULT '', "state" character varying NOT NULL, "base" character varying NOT NULL DEFAULT '', "ours" character varying NOT NULL DEFAULT '', "theirs" character varying NOT NULL DEFAULT '', "result" character varying NOT NULL DEFAULT '', "error" character varying NOT NULL DEFAULT '', "conflicts" bytea NULL, "epoch" bigint NOT NULL DEFAULT 0, "lease_owner" character varying NOT NULL DEFAULT '', "lease_until" bigint NOT NULL DEFAULT 0, "attempts" bigint NOT NULL DEFAULT 0, "started_at" timestamptz NULL, "finished_at" timestamptz NULL, "project_id" character varying NOT NULL COLLATE "C", "user_id" character varying NOT NULL COLLATE "C", "agent_id" character varying NULL COLLATE "C", "run_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "merges_agents_agent" FOREIGN KEY ("agent_id") REFERENCES "agents" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, CONSTRAINT "merges_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "merges_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, CONSTRAINT "merges_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "merge_project_id" to table: "merges"
CREATE INDEX "merge_project_id" ON "merges" ("project_id");
-- Create index "merge_run_id" to table: "merges"
CREATE INDEX "merge_run_id" ON "merges" ("run_id");
-- Create index "merge_under_way" to table: "merges"
CREATE UNIQUE INDEX "merge_under_way" ON "merges" ("project_id") WHERE ((state)::text = 'MERGING'::text);
-- Create index "merge_waiting" to table: "merges"
CREATE INDEX "merge_waiting" ON "merges" ("state") WHERE (((state)::text <> 'MERGED'::text) AND ((state)::text <> 'FAILED'::text) AND ((state)::text <> 'CANCELLED'::text));
