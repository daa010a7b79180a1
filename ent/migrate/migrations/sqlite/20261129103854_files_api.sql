-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Add column "created_at" to table: "git_objects"
ALTER TABLE `git_objects` ADD COLUMN `created_at` datetime NULL;
-- Create "new_git_refs" table
CREATE TABLE `new_git_refs` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `name` text NOT NULL, `hash` text NOT NULL, `size` integer NOT NULL DEFAULT (0), `files` integer NOT NULL DEFAULT (-1), `project_id` text NOT NULL, CONSTRAINT `git_refs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Copy rows from old table "git_refs" to new temporary table "new_git_refs"
INSERT INTO `new_git_refs` (`id`, `name`, `hash`, `size`, `project_id`) SELECT `id`, `name`, `hash`, `size`, `project_id` FROM `git_refs`;
-- Drop "git_refs" table after copying rows
DROP TABLE `git_refs`;
-- Rename temporary table "new_git_refs" to "git_refs"
ALTER TABLE `new_git_refs` RENAME TO `git_refs`;
-- Create index "gitref_project_id_name" to table: "git_refs"
CREATE UNIQUE INDEX `gitref_project_id_name` ON `git_refs` (`project_id`, `name`);
-- Create "git_packs" table
CREATE TABLE `git_packs` (`id` text NOT NULL, `created_at` datetime NOT NULL, `objects` integer NOT NULL, `stored` integer NOT NULL, `data` blob NOT NULL, `index` blob NOT NULL, `project_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `git_packs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "gitpack_project_id" to table: "git_packs"
CREATE INDEX `gitpack_project_id` ON `git_packs` (`project_id`);
-- Create "git_pack_objects" table
CREATE TABLE `git_pack_objects` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `hash` text NOT NULL, `kind` integer NOT NULL, `size` integer NOT NULL, `created_at` datetime NULL, `project_id` text NOT NULL, `pack_id` text NOT NULL, CONSTRAINT `git_pack_objects_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `git_pack_objects_git_packs_pack` FOREIGN KEY (`pack_id`) REFERENCES `git_packs` (`id`) ON DELETE CASCADE);
-- Create index "gitpackobject_project_id_hash" to table: "git_pack_objects"
CREATE UNIQUE INDEX `gitpackobject_project_id_hash` ON `git_pack_objects` (`project_id`, `hash`);
-- Create index "gitpackobject_pack_id" to table: "git_pack_objects"
CREATE INDEX `gitpackobject_pack_id` ON `git_pack_objects` (`pack_id`);
-- Create "git_storages" table
CREATE TABLE `git_storages` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `bytes` integer NOT NULL DEFAULT (0), `loose` integer NOT NULL DEFAULT (0), `project_id` text NOT NULL, CONSTRAINT `git_storages_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "gitstorage_project_id" to table: "git_storages"
CREATE UNIQUE INDEX `gitstorage_project_id` ON `git_storages` (`project_id`);
-- Create index "gitstorage_loose" to table: "git_storages"
CREATE INDEX `gitstorage_loose` ON `git_storages` (`loose`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
