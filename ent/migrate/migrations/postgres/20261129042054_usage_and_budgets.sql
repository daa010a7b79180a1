-- Create "budgets" table
CREATE TABLE "budgets" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "scope" character varying NOT NULL, "period" character varying NOT NULL, "subject" character varying NOT NULL, "limit_nano" bigint NOT NULL, "updated_at" timestamptz NOT NULL, "organisation_id" character varying NULL COLLATE "C", "project_id" character varying NULL COLLATE "C", "user_id" character varying NULL COLLATE "C", "agent_id" character varying NULL COLLATE "C", "run_id" character varying NULL COLLATE "C", "created_by_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "budgets_agents_agent" FOREIGN KEY ("agent_id") REFERENCES "agents" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "budgets_organisations_organisation" FOREIGN KEY ("organisation_id") REFERENCES "organisations" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "budgets_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "budgets_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "budgets_users_created_by" FOREIGN KEY ("created_by_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, CONSTRAINT "budgets_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "budget_limit" CHECK (limit_nano > 0));
-- Create index "budget_organisation_id" to table: "budgets"
CREATE INDEX "budget_organisation_id" ON "budgets" ("organisation_id");
-- Create index "budget_project_id" to table: "budgets"
CREATE INDEX "budget_project_id" ON "budgets" ("project_id");
-- Create index "budget_subject_period" to table: "budgets"
CREATE UNIQUE INDEX "budget_subject_period" ON "budgets" ("subject", "period");
-- Create "reservations" table
CREATE TABLE "reservations" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "root_run_id" character varying NOT NULL COLLATE "C", "epoch" bigint NOT NULL, "step" bigint NOT NULL, "attempt" bigint NOT NULL, "provider" character varying NOT NULL, "model" character varying NOT NULL, "reason" character varying NOT NULL DEFAULT '', "price_as_of" character varying NOT NULL DEFAULT '', "amount" bigint NOT NULL, "input_tokens" bigint NOT NULL, "output_tokens" bigint NOT NULL, "spendings" jsonb NOT NULL, "run_id" character varying NOT NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "reservations_runs_run" FOREIGN KEY ("run_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION);
-- Create index "reservation_run_id" to table: "reservations"
CREATE INDEX "reservation_run_id" ON "reservations" ("run_id");
-- Create "spendings" table
CREATE TABLE "spendings" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "period" character varying NOT NULL, "spent" bigint NOT NULL, "reserved" bigint NOT NULL DEFAULT 0, "warned" bigint NOT NULL DEFAULT 0, "budget_id" character varying NOT NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "spendings_budgets_budget" FOREIGN KEY ("budget_id") REFERENCES "budgets" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "spending_positive" CHECK ((spent >= 0) AND (reserved >= 0)));
-- Create index "spending_budget_id_period" to table: "spendings"
CREATE UNIQUE INDEX "spending_budget_id_period" ON "spendings" ("budget_id", "period");
-- Create "usage_records" table
CREATE TABLE "usage_records" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "project_id" character varying NOT NULL COLLATE "C", "run_id" character varying NOT NULL COLLATE "C", "root_run_id" character varying NOT NULL COLLATE "C", "conversation_id" character varying NULL COLLATE "C", "agent_id" character varying NOT NULL COLLATE "C", "user_id" character varying NOT NULL COLLATE "C", "step" bigint NOT NULL, "attempt" bigint NOT NULL, "provider" character varying NOT NULL, "model" character varying NOT NULL, "input_tokens" bigint NOT NULL DEFAULT 0, "output_tokens" bigint NOT NULL DEFAULT 0, "cache_read_tokens" bigint NOT NULL DEFAULT 0, "cache_write_tokens" bigint NOT NULL DEFAULT 0, "reasoning_tokens" bigint NOT NULL DEFAULT 0, "cost" bigint NULL, "price_as_of" character varying NOT NULL DEFAULT '', "estimated" boolean NOT NULL DEFAULT false, "latency" bigint NOT NULL DEFAULT 0, "first_token" bigint NULL, "outcome" character varying NOT NULL, "reason" character varying NOT NULL DEFAULT '', "organisation_id" character varying NOT NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "usage_records_organisations_organisation" FOREIGN KEY ("organisation_id") REFERENCES "organisations" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "usagerecord_created_at" to table: "usage_records"
CREATE INDEX "usagerecord_created_at" ON "usage_records" ("created_at");
-- Create index "usagerecord_organisation_id_created_at" to table: "usage_records"
CREATE INDEX "usagerecord_organisation_id_created_at" ON "usage_records" ("organisation_id", "created_at");
-- Create index "usagerecord_project_id_created_at" to table: "usage_records"
CREATE INDEX "usagerecord_project_id_created_at" ON "usage_records" ("project_id", "created_at");
-- Create index "usagerecord_root_run_id" to table: "usage_records"
CREATE INDEX "usagerecord_root_run_id" ON "usage_records" ("root_run_id");
-- Create index "usagerecord_run_id" to table: "usage_records"
CREATE INDEX "usagerecord_run_id" ON "usage_records" ("run_id");
-- Create index "usagerecord_user_id_created_at" to table: "usage_records"
CREATE INDEX "usagerecord_user_id_created_at" ON "usage_records" ("user_id", "created_at");
