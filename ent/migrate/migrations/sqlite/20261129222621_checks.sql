-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_criterions" table
CREATE TABLE `new_criterions` (`id` text NOT NULL, `created_at` datetime NOT NULL, `position` integer NOT NULL, `text` text NOT NULL, `state` text NOT NULL, `run_id` text NOT NULL DEFAULT (''), `command_id` text NOT NULL DEFAULT (''), `command` text NOT NULL DEFAULT (''), `exit_code` integer NOT NULL DEFAULT (0), `output_digest` text NOT NULL DEFAULT (''), `files` json NULL, `note` text NOT NULL DEFAULT (''), `tree` text NOT NULL DEFAULT (''), `problem` text NOT NULL DEFAULT (''), `checked_tree` text NOT NULL DEFAULT (''), `check_id` text NOT NULL DEFAULT (''), `shown_at` datetime NULL, `project_id` text NOT NULL, `task_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `criterions_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `criterions_tasks_task` FOREIGN KEY (`task_id`) REFERENCES `tasks` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "criterions" to new temporary table "new_criterions"
INSERT INTO `new_criterions` (`id`, `created_at`, `position`, `text`, `state`, `run_id`, `command_id`, `command`, `exit_code`, `output_digest`, `files`, `note`, `tree`, `shown_at`, `project_id`, `task_id`) SELECT `id`, `created_at`, `position`, `text`, `state`, `run_id`, `command_id`, `command`, `exit_code`, `output_digest`, `files`, `note`, `tree`, `shown_at`, `project_id`, `task_id` FROM `criterions`;
-- Drop "criterions" table after copying rows
DROP TABLE `criterions`;
-- Rename temporary table "new_criterions" to "criterions"
ALTER TABLE `new_criterions` RENAME TO `criterions`;
-- Create index "criterion_task_id_position" to table: "criterions"
CREATE UNIQUE INDEX `criterion_task_id_position` ON `criterions` (`task_id`, `position`);
-- Create index "criterion_project_id" to table: "criterions"
CREATE INDEX `criterion_project_id` ON `criterions` (`project_id`);
-- Create "new_plans" table
CREATE TABLE `new_plans` (`id` text NOT NULL, `created_at` datetime NOT NULL, `summary` text NOT NULL, `state` text NOT NULL, `call_id` text NOT NULL DEFAULT (''), `check_tree` text NOT NULL DEFAULT (''), `version` integer NOT NULL DEFAULT (0), `finished_at` datetime NULL, `project_id` text NOT NULL, `run_id` text NOT NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `plans_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `plans_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `plans_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "plans" to new temporary table "new_plans"
INSERT INTO `new_plans` (`id`, `created_at`, `summary`, `state`, `call_id`, `version`, `finished_at`, `project_id`, `run_id`, `user_id`) SELECT `id`, `created_at`, `summary`, `state`, `call_id`, `version`, `finished_at`, `project_id`, `run_id`, `user_id` FROM `plans`;
-- Drop "plans" table after copying rows
DROP TABLE `plans`;
-- Rename temporary table "new_plans" to "plans"
ALTER TABLE `new_plans` RENAME TO `plans`;
-- Create index "plan_project_id" to table: "plans"
CREATE INDEX `plan_project_id` ON `plans` (`project_id`);
-- Create index "plan_run_id" to table: "plans"
CREATE UNIQUE INDEX `plan_run_id` ON `plans` (`run_id`);
-- Create index "plan_open" to table: "plans"
CREATE INDEX `plan_open` ON `plans` (`state`) WHERE state <> 'DONE' AND state <> 'CANCELLED';
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
