-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_runs" table
CREATE TABLE `new_runs` (`id` text NOT NULL, `created_at` datetime NOT NULL, `message_id` text NOT NULL, `state` text NOT NULL, `model` text NOT NULL DEFAULT (''), `tier` text NOT NULL DEFAULT (''), `branch` text NOT NULL DEFAULT (''), `step` integer NOT NULL DEFAULT (0), `epoch` integer NOT NULL DEFAULT (0), `lease_owner` text NOT NULL DEFAULT (''), `lease_until` integer NOT NULL DEFAULT (0), `takeovers` integer NOT NULL DEFAULT (0), `step_until` integer NOT NULL DEFAULT (0), `deadline_at` integer NOT NULL DEFAULT (0), `priority` integer NOT NULL DEFAULT (0), `cancel_requested` bool NOT NULL DEFAULT (false), `pause_requested` bool NOT NULL DEFAULT (false), `steer_requested` bool NOT NULL DEFAULT (false), `depth` integer NOT NULL DEFAULT (0), `input_tokens` integer NOT NULL DEFAULT (0), `output_tokens` integer NOT NULL DEFAULT (0), `error` text NOT NULL DEFAULT (''), `waits_until` datetime NULL, `waits_for` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `conversation_id` text NOT NULL, `agent_id` text NOT NULL, `user_id` text NOT NULL, `parent_id` text NULL, `retried_from_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `runs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_runs_children` FOREIGN KEY (`parent_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL, CONSTRAINT `runs_runs_retries` FOREIGN KEY (`retried_from_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "runs" to new temporary table "new_runs"
INSERT INTO `new_runs` (`id`, `created_at`, `message_id`, `state`, `model`, `tier`, `branch`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `input_tokens`, `output_tokens`, `error`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `retried_from_id`) SELECT `id`, `created_at`, `message_id`, `state`, `model`, `tier`, `branch`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `input_tokens`, `output_tokens`, `error`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `retried_from_id` FROM `runs`;
-- Drop "runs" table after copying rows
DROP TABLE `runs`;
-- Rename temporary table "new_runs" to "runs"
ALTER TABLE `new_runs` RENAME TO `runs`;
-- Create index "run_project_id" to table: "runs"
CREATE INDEX `run_project_id` ON `runs` (`project_id`);
-- Create index "run_active_conversation" to table: "runs"
CREATE UNIQUE INDEX `run_active_conversation` ON `runs` (`conversation_id`) WHERE state <> 'QUEUED' AND state <> 'SUCCEEDED' AND state <> 'FAILED' AND state <> 'CANCELLED';
-- Create index "run_conversation_id_state" to table: "runs"
CREATE INDEX `run_conversation_id_state` ON `runs` (`conversation_id`, `state`);
-- Create index "run_lease" to table: "runs"
CREATE INDEX `run_lease` ON `runs` (`lease_until`) WHERE lease_until > 0;
-- Create index "run_deadline" to table: "runs"
CREATE INDEX `run_deadline` ON `runs` (`deadline_at`) WHERE deadline_at > 0;
-- Create index "run_held" to table: "runs"
CREATE INDEX `run_held` ON `runs` (`project_id`) WHERE step_until > 0;
-- Create index "run_retried_from_id" to table: "runs"
CREATE UNIQUE INDEX `run_retried_from_id` ON `runs` (`retried_from_id`);
-- Create index "run_parent_id" to table: "runs"
CREATE INDEX `run_parent_id` ON `runs` (`parent_id`);
-- Create index "run_unended" to table: "runs"
CREATE INDEX `run_unended` ON `runs` (`state`) WHERE state <> 'SUCCEEDED' AND state <> 'FAILED' AND state <> 'CANCELLED';
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
