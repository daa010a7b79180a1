-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_messages" table
CREATE TABLE `new_messages` (`id` text NOT NULL, `created_at` datetime NOT NULL, `role` text NOT NULL, `status` text NOT NULL, `text` text NOT NULL DEFAULT (''), `position` integer NOT NULL, `step` integer NOT NULL DEFAULT (0), `seen_step` integer NULL, `retracted` bool NOT NULL DEFAULT (false), `edits_id` text NOT NULL DEFAULT (''), `sender_run_id` text NOT NULL DEFAULT (''), `copy_of_id` text NOT NULL DEFAULT (''), `turn_id` text NOT NULL DEFAULT (''), `demo` bool NOT NULL DEFAULT (false), `carry` blob NULL, `completed_at` datetime NULL, `conversation_id` text NOT NULL, `project_id` text NOT NULL, `author_id` text NULL, `agent_id` text NULL, `run_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `messages_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `messages_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `messages_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL, CONSTRAINT `messages_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE SET NULL, CONSTRAINT `messages_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "messages" to new temporary table "new_messages"
INSERT INTO `new_messages` (`id`, `created_at`, `role`, `status`, `text`, `position`, `step`, `seen_step`, `retracted`, `demo`, `carry`, `completed_at`, `conversation_id`, `project_id`, `author_id`, `agent_id`, `run_id`) SELECT `id`, `created_at`, `role`, `status`, `text`, `position`, `step`, `seen_step`, `retracted`, `demo`, `carry`, `completed_at`, `conversation_id`, `project_id`, `author_id`, `agent_id`, `run_id` FROM `messages`;
-- Drop "messages" table after copying rows
DROP TABLE `messages`;
-- Rename temporary table "new_messages" to "messages"
ALTER TABLE `new_messages` RENAME TO `messages`;
-- Create index "message_conversation_id_position" to table: "messages"
CREATE UNIQUE INDEX `message_conversation_id_position` ON `messages` (`conversation_id`, `position`);
-- Create index "message_project_id" to table: "messages"
CREATE INDEX `message_project_id` ON `messages` (`project_id`);
-- Create index "message_run_id" to table: "messages"
CREATE INDEX `message_run_id` ON `messages` (`run_id`);
-- Create index "message_sender" to table: "messages"
CREATE INDEX `message_sender` ON `messages` (`sender_run_id`) WHERE sender_run_id <> '';
-- Create "new_conversations" table
CREATE TABLE `new_conversations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `title` text NOT NULL, `task_id` text NOT NULL DEFAULT (''), `next_position` integer NOT NULL DEFAULT (0), `retracted` json NULL, `branch` text NOT NULL DEFAULT (''), `forked_from_id` text NOT NULL DEFAULT (''), `updated_at` datetime NOT NULL, `deleted_at` datetime NULL, `project_id` text NOT NULL, `author_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `conversations_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `conversations_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "conversations" to new temporary table "new_conversations"
INSERT INTO `new_conversations` (`id`, `created_at`, `title`, `task_id`, `next_position`, `retracted`, `updated_at`, `project_id`, `author_id`) SELECT `id`, `created_at`, `title`, `task_id`, `next_position`, `retracted`, `updated_at`, `project_id`, `author_id` FROM `conversations`;
-- Drop "conversations" table after copying rows
DROP TABLE `conversations`;
-- Rename temporary table "new_conversations" to "conversations"
ALTER TABLE `new_conversations` RENAME TO `conversations`;
-- Create index "conversation_project_id" to table: "conversations"
CREATE INDEX `conversation_project_id` ON `conversations` (`project_id`);
-- Create index "conversation_deleted" to table: "conversations"
CREATE INDEX `conversation_deleted` ON `conversations` (`project_id`) WHERE deleted_at IS NOT NULL;
-- Create "new_runs" table
CREATE TABLE `new_runs` (`id` text NOT NULL, `created_at` datetime NOT NULL, `message_id` text NOT NULL, `state` text NOT NULL, `model` text NOT NULL DEFAULT (''), `tier` text NOT NULL DEFAULT (''), `branch` text NOT NULL DEFAULT (''), `step` integer NOT NULL DEFAULT (0), `epoch` integer NOT NULL DEFAULT (0), `lease_owner` text NOT NULL DEFAULT (''), `lease_until` integer NOT NULL DEFAULT (0), `takeovers` integer NOT NULL DEFAULT (0), `step_until` integer NOT NULL DEFAULT (0), `deadline_at` integer NOT NULL DEFAULT (0), `priority` integer NOT NULL DEFAULT (0), `cancel_requested` bool NOT NULL DEFAULT (false), `pause_requested` bool NOT NULL DEFAULT (false), `steer_requested` bool NOT NULL DEFAULT (false), `task_id` text NOT NULL DEFAULT (''), `call_id` text NOT NULL DEFAULT (''), `root_id` text NOT NULL DEFAULT (''), `depth` integer NOT NULL DEFAULT (0), `input_tokens` integer NOT NULL DEFAULT (0), `output_tokens` integer NOT NULL DEFAULT (0), `error` text NOT NULL DEFAULT (''), `verification` text NOT NULL DEFAULT (''), `gaps` json NULL, `waits_until` datetime NULL, `waits_for` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `conversation_id` text NOT NULL, `agent_id` text NOT NULL, `user_id` text NOT NULL, `parent_id` text NULL, `retried_from_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `runs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_runs_children` FOREIGN KEY (`parent_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL, CONSTRAINT `runs_runs_retries` FOREIGN KEY (`retried_from_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "runs" to new temporary table "new_runs"
INSERT INTO `new_runs` (`id`, `created_at`, `message_id`, `state`, `model`, `tier`, `branch`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `task_id`, `root_id`, `depth`, `input_tokens`, `output_tokens`, `error`, `verification`, `gaps`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `parent_id`, `retried_from_id`) SELECT `id`, `created_at`, `message_id`, `state`, `model`, `tier`, `branch`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `task_id`, `root_id`, `depth`, `input_tokens`, `output_tokens`, `error`, `verification`, `gaps`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `parent_id`, `retried_from_id` FROM `runs`;
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
