-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Add column "retracted" to table: "conversations"
ALTER TABLE `conversations` ADD COLUMN `retracted` json NULL;
-- Create "new_messages" table
CREATE TABLE `new_messages` (`id` text NOT NULL, `created_at` datetime NOT NULL, `role` text NOT NULL, `status` text NOT NULL, `text` text NOT NULL DEFAULT (''), `position` integer NOT NULL, `step` integer NOT NULL DEFAULT (0), `seen_step` integer NULL, `retracted` bool NOT NULL DEFAULT (false), `demo` bool NOT NULL DEFAULT (false), `carry` blob NULL, `completed_at` datetime NULL, `conversation_id` text NOT NULL, `project_id` text NOT NULL, `author_id` text NULL, `agent_id` text NULL, `run_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `messages_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `messages_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `messages_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL, CONSTRAINT `messages_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE SET NULL, CONSTRAINT `messages_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "messages" to new temporary table "new_messages"
INSERT INTO `new_messages` (`id`, `created_at`, `role`, `status`, `text`, `position`, `step`, `seen_step`, `demo`, `carry`, `completed_at`, `conversation_id`, `project_id`, `author_id`, `agent_id`, `run_id`) SELECT `id`, `created_at`, `role`, `status`, `text`, `position`, `step`, `seen_step`, `demo`, `carry`, `completed_at`, `conversation_id`, `project_id`, `author_id`, `agent_id`, `run_id` FROM `messages`;
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
-- Create "new_runs" table
CREATE TABLE `new_runs` (`id` text NOT NULL, `created_at` datetime NOT NULL, `message_id` text NOT NULL, `state` text NOT NULL, `model` text NOT NULL DEFAULT (''), `tier` text NOT NULL DEFAULT (''), `branch` text NOT NULL DEFAULT (''), `step` integer NOT NULL DEFAULT (0), `epoch` integer NOT NULL DEFAULT (0), `lease_owner` text NOT NULL DEFAULT (''), `lease_until` integer NOT NULL DEFAULT (0), `takeovers` integer NOT NULL DEFAULT (0), `step_until` integer NOT NULL DEFAULT (0), `deadline_at` integer NOT NULL DEFAULT (0), `priority` integer NOT NULL DEFAULT (0), `cancel_requested` bool NOT NULL DEFAULT (false), `pause_requested` bool NOT NULL DEFAULT (false), `steer_requested` bool NOT NULL DEFAULT (false), `input_tokens` integer NOT NULL DEFAULT (0), `output_tokens` integer NOT NULL DEFAULT (0), `error` text NOT NULL DEFAULT (''), `waits_until` datetime NULL, `waits_for` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `conversation_id` text NOT NULL, `agent_id` text NOT NULL, `user_id` text NOT NULL, `retried_from_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `runs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_runs_retries` FOREIGN KEY (`retried_from_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Copy rows from old table "runs" to new temporary table "new_runs"
INSERT INTO `new_runs` (`id`, `created_at`, `message_id`, `state`, `model`, `tier`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `input_tokens`, `output_tokens`, `error`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `retried_from_id`) SELECT `id`, `created_at`, `message_id`, `state`, `model`, `tier`, `step`, `epoch`, `lease_owner`, `lease_until`, `takeovers`, `step_until`, `deadline_at`, `priority`, `cancel_requested`, `pause_requested`, `steer_requested`, `input_tokens`, `output_tokens`, `error`, `waits_until`, `waits_for`, `started_at`, `finished_at`, `project_id`, `conversation_id`, `agent_id`, `user_id`, `retried_from_id` FROM `runs`;
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
-- Create index "run_unended" to table: "runs"
CREATE INDEX `run_unended` ON `runs` (`state`) WHERE state <> 'SUCCEEDED' AND state <> 'FAILED' AND state <> 'CANCELLED';
-- Create "checkpoints" table
CREATE TABLE `checkpoints` (`id` text NOT NULL, `created_at` datetime NOT NULL, `branch` text NOT NULL DEFAULT (''), `hash` text NOT NULL DEFAULT (''), `position` integer NOT NULL DEFAULT (0), `retracted` json NULL, `reason` text NOT NULL, `project_id` text NOT NULL, `conversation_id` text NULL, `run_id` text NULL, `tool_call_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `checkpoints_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `checkpoints_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE SET NULL, CONSTRAINT `checkpoints_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL, CONSTRAINT `checkpoints_tool_calls_tool_call` FOREIGN KEY (`tool_call_id`) REFERENCES `tool_calls` (`id`) ON DELETE SET NULL);
-- Create index "checkpoint_project_id" to table: "checkpoints"
CREATE INDEX `checkpoint_project_id` ON `checkpoints` (`project_id`);
-- Create index "checkpoint_run_id" to table: "checkpoints"
CREATE INDEX `checkpoint_run_id` ON `checkpoints` (`run_id`);
-- Create index "checkpoint_conversation_id" to table: "checkpoints"
CREATE INDEX `checkpoint_conversation_id` ON `checkpoints` (`conversation_id`);
-- Create index "checkpoint_tool_call_id" to table: "checkpoints"
CREATE INDEX `checkpoint_tool_call_id` ON `checkpoints` (`tool_call_id`);
-- Create "merges" table
CREATE TABLE `merges` (`id` text NOT NULL, `created_at` datetime NOT NULL, `source` text NOT NULL, `target` text NOT NULL, `message` text NOT NULL DEFAULT (''), `state` text NOT NULL, `base` text NOT NULL DEFAULT (''), `ours` text NOT NULL DEFAULT (''), `theirs` text NOT NULL DEFAULT (''), `result` text NOT NULL DEFAULT (''), `error` text NOT NULL DEFAULT (''), `conflicts` blob NULL, `epoch` integer NOT NULL DEFAULT (0), `lease_owner` text NOT NULL DEFAULT (''), `lease_until` integer NOT NULL DEFAULT (0), `attempts` integer NOT NULL DEFAULT (0), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `user_id` text NOT NULL, `agent_id` text NULL, `run_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `merges_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `merges_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `merges_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE SET NULL, CONSTRAINT `merges_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Create index "merge_project_id" to table: "merges"
CREATE INDEX `merge_project_id` ON `merges` (`project_id`);
-- Create index "merge_run_id" to table: "merges"
CREATE INDEX `merge_run_id` ON `merges` (`run_id`);
-- Create index "merge_under_way" to table: "merges"
CREATE UNIQUE INDEX `merge_under_way` ON `merges` (`project_id`) WHERE state = 'MERGING';
-- Create index "merge_waiting" to table: "merges"
CREATE INDEX `merge_waiting` ON `merges` (`state`) WHERE state <> 'MERGED' AND state <> 'FAILED' AND state <> 'CANCELLED';
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
