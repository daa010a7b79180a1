-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_conversations" table
CREATE TABLE `new_conversations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `title` text NOT NULL, `task_id` text NOT NULL DEFAULT (''), `next_position` integer NOT NULL DEFAULT (0), `retracted` json NULL, `updated_at` datetime NOT NULL, `project_id` text NOT NULL, `author_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `conversations_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `conversations_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "conversations" to new temporary table "new_conversations"
INSERT INTO `new_conversations` (`id`, `created_at`, `title`, `next_position`, `retracted`, `updated_at`, `project_id`, `author_id`) SELECT `id`, `created_at`, `title`, `next_position`, `retracted`, `updated_at`, `project_id`, `author_id` FROM `conversations`;
-- Drop "conversations" table after copying rows
DROP TABLE `conversations`;
-- Rename temporary table "new_conversations" to "conversations"
ALTER TABLE `new_conversations` RENAME TO `conversations`;
-- Create index "conversation_project_id" to table: "conversations"
CREATE INDEX `conversation_project_id` ON `conversations` (`project_id`);
-- Create "new_projects" table
CREATE TABLE `new_projects` (`id` text NOT NULL, `created_at` datetime NOT NULL, `name` text NOT NULL, `description` text NOT NULL DEFAULT (''), `plan_approval` bool NOT NULL DEFAULT (false), `updated_at` datetime NOT NULL, `served_at` integer NOT NULL DEFAULT (0), `organisation_id` text NOT NULL, `owner_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `projects_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `projects_users_owner` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "projects" to new temporary table "new_projects"
INSERT INTO `new_projects` (`id`, `created_at`, `name`, `description`, `updated_at`, `served_at`, `organisation_id`, `owner_id`) SELECT `id`, `created_at`, `name`, `description`, `updated_at`, `served_at`, `organisation_id`, `owner_id` FROM `projects`;
-- Drop "projects" table after copying rows
DROP TABLE `projects`;
-- Rename temporary table "new_projects" to "projects"
ALTER TABLE `new_projects` RENAME TO `projects`;
-- Create index "project_organisation_id" to table: "projects"
CREATE INDEX `project_organisation_id` ON `projects` (`organisation_id`);
-- Create index "project_owner_id" to table: "projects"
CREATE INDEX `project_owner_id` ON `projects` (`owner_id`);
-- Create "new_runs" table
CREATE TABLE `new_runs` (`id` text NOT NULL, `created_at` datetime NOT NULL, `message_id` text NOT NULL, `state` text NOT NULL, `model` text NOT NULL DEFAULT (''), `tier` text NOT NULL DEFAULT (''), `branch` text NOT NULL DEFAULT (''), `step` integer NOT NULL DEFAULT (0), `epoch` integer NOT NULL DEFAULT (0), `lease_owner` text NOT NULL DEFAULT (''), `lease_until` integer NOT NULL DEFAULT (0), `takeovers` integer NOT NULL DEFAULT (0), `step_until` integer NOT NULL DEFAULT (0), `deadline_at` integer NOT NULL DEFAULT (0), `priority` integer NOT NULL DEFAULT (0), `cancel_requested` bool NOT NULL DEFAULT (false), `pause_requested` bool NOT NULL DEFAULT (false), `steer_requested` bool NOT NULL DEFAULT (false), `task_id` text NOT NULL DEFAULT (''), `root_id` text NOT NULL DEFAULT (''), `depth` integer NOT NULL DEFAULT (0), `input_tokens` integer NOT NULL DEFAULT (0), `output_tokens` integer NOT NULL DEFAULT (0), `error` text NOT NULL DEFAULT (''), `verification` text NOT NULL DEFAULT (''), `gaps` json NULL, `waits_until` datetime NULL, `waits_for` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `conversation_id` text NOT NULL, `agent_id` text NOT NULL, `user_id` text NOT NULL, `parent_id` text NULL, `retried_from_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `runs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_runs_children` FOREIGN KEY (`parent_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL, CONSTRAINT `runs_runs_retries` FOREIGN KEY (`retried_from_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "runs" to new temporary table "new_runs"
INSERT INTO `new_runs` (`id`, `created_at`, `message_id`, `state`, `model`, `tier`, `branch`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `depth`, `input_tokens`, `output_tokens`, `error`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `parent_id`, `retried_from_id`) SELECT `id`, `created_at`, `message_id`, `state`, `model`, `tier`, `branch`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `depth`, `input_tokens`, `output_tokens`, `error`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `parent_id`, `retried_from_id` FROM `runs`;
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
-- Create "criterions" table
CREATE TABLE `criterions` (`id` text NOT NULL, `created_at` datetime NOT NULL, `position` integer NOT NULL, `text` text NOT NULL, `state` text NOT NULL, `run_id` text NOT NULL DEFAULT (''), `command_id` text NOT NULL DEFAULT (''), `command` text NOT NULL DEFAULT (''), `exit_code` integer NOT NULL DEFAULT (0), `output_digest` text NOT NULL DEFAULT (''), `files` json NULL, `note` text NOT NULL DEFAULT (''), `tree` text NOT NULL DEFAULT (''), `shown_at` datetime NULL, `project_id` text NOT NULL, `task_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `criterions_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `criterions_tasks_task` FOREIGN KEY (`task_id`) REFERENCES `tasks` (`id`) ON DELETE CASCADE);
-- Create index "criterion_task_id_position" to table: "criterions"
CREATE UNIQUE INDEX `criterion_task_id_position` ON `criterions` (`task_id`, `position`);
-- Create index "criterion_project_id" to table: "criterions"
CREATE INDEX `criterion_project_id` ON `criterions` (`project_id`);
-- Create "plans" table
CREATE TABLE `plans` (`id` text NOT NULL, `created_at` datetime NOT NULL, `summary` text NOT NULL, `state` text NOT NULL, `call_id` text NOT NULL DEFAULT (''), `version` integer NOT NULL DEFAULT (0), `finished_at` datetime NULL, `project_id` text NOT NULL, `run_id` text NOT NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `plans_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `plans_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `plans_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "plan_project_id" to table: "plans"
CREATE INDEX `plan_project_id` ON `plans` (`project_id`);
-- Create index "plan_run_id" to table: "plans"
CREATE UNIQUE INDEX `plan_run_id` ON `plans` (`run_id`);
-- Create index "plan_open" to table: "plans"
CREATE INDEX `plan_open` ON `plans` (`state`) WHERE state <> 'DONE' AND state <> 'CANCELLED';
-- Create "tasks" table
CREATE TABLE `tasks` (`id` text NOT NULL, `created_at` datetime NOT NULL, `agent_id` text NOT NULL, `title` text NOT NULL, `description` text NOT NULL DEFAULT (''), `priority` text NOT NULL DEFAULT ('MEDIUM'), `state` text NOT NULL, `position` integer NOT NULL, `depends_on` json NULL, `attempts` integer NOT NULL DEFAULT (0), `conversation_id` text NOT NULL DEFAULT (''), `run_id` text NOT NULL DEFAULT (''), `result` text NOT NULL DEFAULT (''), `problem` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `updated_at` datetime NOT NULL, `project_id` text NOT NULL, `plan_id` text NULL, `author_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `tasks_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `tasks_plans_plan` FOREIGN KEY (`plan_id`) REFERENCES `plans` (`id`) ON DELETE CASCADE, CONSTRAINT `tasks_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "task_project_id_position" to table: "tasks"
CREATE INDEX `task_project_id_position` ON `tasks` (`project_id`, `position`);
-- Create index "task_plan_id" to table: "tasks"
CREATE INDEX `task_plan_id` ON `tasks` (`plan_id`);
-- Create index "task_run_id" to table: "tasks"
CREATE INDEX `task_run_id` ON `tasks` (`run_id`);
-- Create index "task_conversation_id" to table: "tasks"
CREATE INDEX `task_conversation_id` ON `tasks` (`conversation_id`);
-- Create index "task_open" to table: "tasks"
CREATE INDEX `task_open` ON `tasks` (`state`) WHERE state <> 'COMPLETED' AND state <> 'CANCELLED';
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
