-- Create "budgets" table
CREATE TABLE `budgets` (`id` text NOT NULL, `created_at` datetime NOT NULL, `scope` text NOT NULL, `period` text NOT NULL, `subject` text NOT NULL, `limit_nano` integer NOT NULL, `updated_at` datetime NOT NULL, `organisation_id` text NULL, `project_id` text NULL, `user_id` text NULL, `agent_id` text NULL, `run_id` text NULL, `created_by_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `budgets_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `budgets_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `budgets_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `budgets_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `budgets_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `budgets_users_created_by` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`) ON DELETE SET NULL, CONSTRAINT `budget_limit` CHECK (limit_nano > 0));
-- Create index "budget_subject_period" to table: "budgets"
CREATE UNIQUE INDEX `budget_subject_period` ON `budgets` (`subject`, `period`);
-- Create index "budget_project_id" to table: "budgets"
CREATE INDEX `budget_project_id` ON `budgets` (`project_id`);
-- Create index "budget_organisation_id" to table: "budgets"
CREATE INDEX `budget_organisation_id` ON `budgets` (`organisation_id`);
-- Create "reservations" table
CREATE TABLE `reservations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `root_run_id` text NOT NULL, `epoch` integer NOT NULL, `step` integer NOT NULL, `attempt` integer NOT NULL, `provider` text NOT NULL, `model` text NOT NULL, `reason` text NOT NULL DEFAULT (''), `price_as_of` text NOT NULL DEFAULT (''), `amount` integer NOT NULL, `input_tokens` integer NOT NULL, `output_tokens` integer NOT NULL, `spendings` json NOT NULL, `run_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `reservations_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE NO ACTION);
-- Create index "reservation_run_id" to table: "reservations"
CREATE INDEX `reservation_run_id` ON `reservations` (`run_id`);
-- Create "spendings" table
CREATE TABLE `spendings` (`id` text NOT NULL, `created_at` datetime NOT NULL, `period` text NOT NULL, `spent` integer NOT NULL, `reserved` integer NOT NULL DEFAULT (0), `warned` integer NOT NULL DEFAULT (0), `budget_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `spendings_budgets_budget` FOREIGN KEY (`budget_id`) REFERENCES `budgets` (`id`) ON DELETE CASCADE, CONSTRAINT `spending_positive` CHECK (spent >= 0 AND reserved >= 0));
-- Create index "spending_budget_id_period" to table: "spendings"
CREATE UNIQUE INDEX `spending_budget_id_period` ON `spendings` (`budget_id`, `period`);
-- Create "usage_records" table
CREATE TABLE `usage_records` (`id` text NOT NULL, `created_at` datetime NOT NULL, `project_id` text NOT NULL, `run_id` text NOT NULL, `root_run_id` text NOT NULL, `conversation_id` text NULL, `agent_id` text NOT NULL, `user_id` text NOT NULL, `step` integer NOT NULL, `attempt` integer NOT NULL, `provider` text NOT NULL, `model` text NOT NULL, `input_tokens` integer NOT NULL DEFAULT (0), `output_tokens` integer NOT NULL DEFAULT (0), `cache_read_tokens` integer NOT NULL DEFAULT (0), `cache_write_tokens` integer NOT NULL DEFAULT (0), `reasoning_tokens` integer NOT NULL DEFAULT (0), `cost` integer NULL, `price_as_of` text NOT NULL DEFAULT (''), `estimated` bool NOT NULL DEFAULT (false), `latency` integer NOT NULL DEFAULT (0), `first_token` integer NULL, `outcome` text NOT NULL, `reason` text NOT NULL DEFAULT (''), `organisation_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `usage_records_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE);
-- Create index "usagerecord_project_id_created_at" to table: "usage_records"
CREATE INDEX `usagerecord_project_id_created_at` ON `usage_records` (`project_id`, `created_at`);
-- Create index "usagerecord_organisation_id_created_at" to table: "usage_records"
CREATE INDEX `usagerecord_organisation_id_created_at` ON `usage_records` (`organisation_id`, `created_at`);
-- Create index "usagerecord_user_id_created_at" to table: "usage_records"
CREATE INDEX `usagerecord_user_id_created_at` ON `usage_records` (`user_id`, `created_at`);
-- Create index "usagerecord_created_at" to table: "usage_records"
CREATE INDEX `usagerecord_created_at` ON `usage_records` (`created_at`);
-- Create index "usagerecord_run_id" to table: "usage_records"
CREATE INDEX `usagerecord_run_id` ON `usage_records` (`run_id`);
-- Create index "usagerecord_root_run_id" to table: "usage_records"
CREATE INDEX `usagerecord_root_run_id` ON `usage_records` (`root_run_id`);
