-- Modify "conversations" table
ALTER TABLE "conversations" ADD COLUMN "task_id" character varying NOT NULL DEFAULT '' COLLATE "C";
-- Modify "projects" table
ALTER TABLE "projects" ADD COLUMN "plan_approval" boolean NOT NULL DEFAULT false;
-- Modify "runs" table
ALTER TABLE "runs" ADD COLUMN "task_id" character varying NOT NULL DEFAULT '' COLLATE "C", ADD COLUMN "root_id" character varying NOT NULL DEFAULT '' COLLATE "C", ADD COLUMN "verification" character varying NOT NULL DEFAULT '', ADD COLUMN "gaps" jsonb NULL;
-- Create "plans" table
CREATE TABLE "plans" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "summary" text NOT NULL, "state" character varying NOT NULL, "call_id" character varying NOT NULL DEFAULT '' COLLATE "C", "version" bigint NOT NULL DEFAULT 0, "finished_at" timestamptz NULL, "project_id" character varying NOT NULL COLLATE "C", "run_id" character varying NOT NULL COLLATE "C", "user_id" character varying NOT NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "plans_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "plans_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "plans_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "plan_open" to table: "plans"
CREATE INDEX "plan_open" ON "plans" ("state") WHERE (((state)::text <> 'DONE'::text) AND ((state)::text <> 'CANCELLED'::text));
-- Create index "plan_project_id" to table: "plans"
CREATE INDEX "plan_project_id" ON "plans" ("project_id");
-- Create index "plan_run_id" to table: "plans"
CREATE UNIQUE INDEX "plan_run_id" ON "plans" ("run_id");
-- Create "tasks" table
CREATE TABLE "tasks" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "agent_id" character varying NOT NULL COLLATE "C", "title" character varying NOT NULL, "description" text NOT NULL DEFAULT '', "priority" character varying NOT NULL DEFAULT 'MEDIUM', "state" character varying NOT NULL, "position" bigint NOT NULL, "depends_on" jsonb NULL, "attempts" bigint NOT NULL DEFAULT 0, "conversation_id" character varying NOT NULL DEFAULT '' COLLATE "C", "run_id" character varying NOT NULL DEFAULT '' COLLATE "C", "result" text NOT NULL DEFAULT '', "problem" text NOT NULL DEFAULT '', "started_at" timestamptz NULL, "finished_at" timestamptz NULL, "updated_at" timestamptz NOT NULL, "project_id" character varying NOT NULL COLLATE "C", "plan_id" character varying NULL COLLATE "C", "author_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "tasks_plans_plan" FOREIGN KEY ("plan_id") REFERENCES "plans" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "tasks_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "tasks_users_author" FOREIGN KEY ("author_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "task_conversation_id" to table: "tasks"
CREATE INDEX "task_conversation_id" ON "tasks" ("conversation_id");
-- Create index "task_open" to table: "tasks"
CREATE INDEX "task_open" ON "tasks" ("state") WHERE (((state)::text <> 'COMPLETED'::text) AND ((state)::text <> 'CANCELLED'::text));
-- Create index "task_plan_id" to table: "tasks"
CREATE INDEX "task_plan_id" ON "tasks" ("plan_id");
-- Create index "task_project_id_position" to table: "tasks"
CREATE INDEX "task_project_id_position" ON "tasks" ("project_id", "position");
-- Create index "task_run_id" to table: "tasks"
CREATE INDEX "task_run_id" ON "tasks" ("run_id");
-- Create "criterions" table
CREATE TABLE "criterions" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "position" bigint NOT NULL, "text" text NOT NULL, "state" character varying NOT NULL, "run_id" character varying NOT NULL DEFAULT '' COLLATE "C", "command_id" character varying NOT NULL DEFAULT '' COLLATE "C", "command" text NOT NULL DEFAULT '', "exit_code" bigint NOT NULL DEFAULT 0, "output_digest" character varying NOT NULL DEFAULT '', "files" jsonb NULL, "note" text NOT NULL DEFAULT '', "tree" character varying NOT NULL DEFAULT '', "shown_at" timestamptz NULL, "project_id" character varying NOT NULL COLLATE "C", "task_id" character varying NOT NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "criterions_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "criterions_tasks_task" FOREIGN KEY ("task_id") REFERENCES "tasks" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "criterion_project_id" to table: "criterions"
CREATE INDEX "criterion_project_id" ON "criterions" ("project_id");
-- Create index "criterion_task_id_position" to table: "criterions"
CREATE UNIQUE INDEX "criterion_task_id_position" ON "criterions" ("task_id", "position");
