-- Create "commands" table
CREATE TABLE `commands` (`id` text NOT NULL, `created_at` datetime NOT NULL, `branch` text NOT NULL, `shell` text NOT NULL DEFAULT (''), `argv` json NULL, `directory` text NOT NULL DEFAULT (''), `environment` json NULL, `stdin` text NOT NULL DEFAULT (''), `timeout_ms` integer NOT NULL, `background` bool NOT NULL DEFAULT (false), `state` text NOT NULL, `exit_code` integer NULL, `signal` text NOT NULL DEFAULT (''), `note` text NOT NULL DEFAULT (''), `output_bytes` integer NOT NULL DEFAULT (0), `kept_bytes` integer NOT NULL DEFAULT (0), `commit` text NOT NULL DEFAULT (''), `changed_files` integer NOT NULL DEFAULT (0), `generation` integer NOT NULL DEFAULT (0), `wanted_signal` text NOT NULL DEFAULT (''), `holder` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `user_id` text NOT NULL, `run_id` text NULL, `tool_call_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `commands_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `commands_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE, CONSTRAINT `commands_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `commands_tool_calls_tool_call` FOREIGN KEY (`tool_call_id`) REFERENCES `tool_calls` (`id`) ON DELETE CASCADE);
-- Create index "command_state" to table: "commands"
CREATE INDEX `command_state` ON `commands` (`state`);
-- Create index "command_project_id" to table: "commands"
CREATE INDEX `command_project_id` ON `commands` (`project_id`);
-- Create index "command_run_id" to table: "commands"
CREATE INDEX `command_run_id` ON `commands` (`run_id`);
-- Create index "command_tool_call_id" to table: "commands"
CREATE UNIQUE INDEX `command_tool_call_id` ON `commands` (`tool_call_id`);
-- Create "output_pieces" table
CREATE TABLE `output_pieces` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `offset` integer NOT NULL, `stream` text NOT NULL, `data` blob NOT NULL, `project_id` text NOT NULL, `command_id` text NOT NULL, CONSTRAINT `output_pieces_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `output_pieces_commands_command` FOREIGN KEY (`command_id`) REFERENCES `commands` (`id`) ON DELETE CASCADE);
-- Create index "outputpiece_command_id_offset" to table: "output_pieces"
CREATE UNIQUE INDEX `outputpiece_command_id_offset` ON `output_pieces` (`command_id`, `offset`);
-- Create index "outputpiece_project_id" to table: "output_pieces"
CREATE INDEX `outputpiece_project_id` ON `output_pieces` (`project_id`);
-- Create "sandboxes" table
CREATE TABLE `sandboxes` (`id` text NOT NULL, `created_at` datetime NOT NULL, `state` text NOT NULL, `reason` text NOT NULL DEFAULT (''), `driver` text NOT NULL DEFAULT (''), `place` text NOT NULL DEFAULT (''), `node` text NOT NULL DEFAULT (''), `generation` integer NOT NULL DEFAULT (0), `wanted` text NOT NULL DEFAULT ('NONE'), `holder` text NOT NULL DEFAULT (''), `held_until` integer NOT NULL DEFAULT (0), `used_at` integer NOT NULL DEFAULT (0), `memory_bytes` integer NOT NULL DEFAULT (0), `disk_bytes` integer NOT NULL DEFAULT (0), `cpu_micros` integer NOT NULL DEFAULT (0), `processes` integer NOT NULL DEFAULT (0), `sampled_at` datetime NULL, `project_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `sandboxes_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "sandbox_project_id" to table: "sandboxes"
CREATE UNIQUE INDEX `sandbox_project_id` ON `sandboxes` (`project_id`);
-- Create index "sandbox_wanted" to table: "sandboxes"
CREATE INDEX `sandbox_wanted` ON `sandboxes` (`wanted`);
-- Create index "sandbox_holder" to table: "sandboxes"
CREATE INDEX `sandbox_holder` ON `sandboxes` (`holder`);
-- Create "worktrees" table
CREATE TABLE `worktrees` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `branch` text NOT NULL, `tip` text NOT NULL DEFAULT (''), `generation` integer NOT NULL DEFAULT (0), `untracked` text NOT NULL DEFAULT (''), `project_id` text NOT NULL, CONSTRAINT `worktrees_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "worktree_project_id_branch" to table: "worktrees"
CREATE UNIQUE INDEX `worktree_project_id_branch` ON `worktrees` (`project_id`, `branch`);
