-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Add column "held" to table: "worktrees"
ALTER TABLE `worktrees` ADD COLUMN `held` text NULL;
-- Create "new_projects" table
CREATE TABLE `new_projects` (`id` text NOT NULL, `created_at` datetime NOT NULL, `name` text NOT NULL, `description` text NOT NULL DEFAULT (''), `template` text NOT NULL DEFAULT (''), `plan_approval` bool NOT NULL DEFAULT (false), `updated_at` datetime NOT NULL, `served_at` integer NOT NULL DEFAULT (0), `organisation_id` text NOT NULL, `owner_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `projects_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `projects_users_owner` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "projects" to new temporary table "new_projects"
INSERT INTO `new_projects` (`id`, `created_at`, `name`, `description`, `plan_approval`, `updated_at`, `served_at`, `organisation_id`, `owner_id`) SELECT `id`, `created_at`, `name`, `description`, `plan_approval`, `updated_at`, `served_at`, `organisation_id`, `owner_id` FROM `projects`;
-- Drop "projects" table after copying rows
DROP TABLE `projects`;
-- Rename temporary table "new_projects" to "projects"
ALTER TABLE `new_projects` RENAME TO `projects`;
-- Create index "project_organisation_id" to table: "projects"
CREATE INDEX `project_organisation_id` ON `projects` (`organisation_id`);
-- Create index "project_owner_id" to table: "projects"
CREATE INDEX `project_owner_id` ON `projects` (`owner_id`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
