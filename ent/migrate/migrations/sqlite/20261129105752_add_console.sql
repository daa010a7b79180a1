-- Create index "event_console" to table: "events"
CREATE INDEX `event_console` ON `events` (`stream_id`, `at`) WHERE type = 'CONSOLE_OUTPUT';
-- Create "console_entries" table
CREATE TABLE `console_entries` (`id` text NOT NULL, `created_at` datetime NOT NULL, `level` text NOT NULL, `text` text NOT NULL, `stack` text NOT NULL DEFAULT (''), `fingerprint` text NOT NULL DEFAULT (''), `uncaught` bool NOT NULL DEFAULT (false), `count` integer NOT NULL DEFAULT (1), `url` text NOT NULL DEFAULT (''), `line` integer NOT NULL DEFAULT (0), `column` integer NOT NULL DEFAULT (0), `user_agent` text NOT NULL DEFAULT (''), `session` text NOT NULL DEFAULT (''), `project_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `console_entries_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "consoleentry_project_id_id" to table: "console_entries"
CREATE INDEX `consoleentry_project_id_id` ON `console_entries` (`project_id`, `id`);
-- Create index "consoleentry_project_id_fingerprint_id" to table: "console_entries"
CREATE INDEX `consoleentry_project_id_fingerprint_id` ON `console_entries` (`project_id`, `fingerprint`, `id`) WHERE fingerprint <> '';
-- Create index "consoleentry_created_at" to table: "console_entries"
CREATE INDEX `consoleentry_created_at` ON `console_entries` (`created_at`);
-- Create "console_keys" table
CREATE TABLE `console_keys` (`id` text NOT NULL, `created_at` datetime NOT NULL, `key` text NOT NULL, `project_id` text NOT NULL, `created_by_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `console_keys_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `console_keys_users_created_by` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "console_keys_key_key" to table: "console_keys"
CREATE UNIQUE INDEX `console_keys_key_key` ON `console_keys` (`key`);
-- Create index "consolekey_project_id" to table: "console_keys"
CREATE UNIQUE INDEX `consolekey_project_id` ON `console_keys` (`project_id`);
