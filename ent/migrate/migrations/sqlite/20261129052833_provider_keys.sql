-- Create "provider_keys" table
CREATE TABLE `provider_keys` (`id` text NOT NULL, `created_at` datetime NOT NULL, `subject` text NOT NULL, `provider` text NOT NULL, `ciphertext` blob NOT NULL, `hint` text NOT NULL DEFAULT (''), `organisation_id` text NOT NULL, `project_id` text NULL, `created_by_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `provider_keys_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `provider_keys_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `provider_keys_users_created_by` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "providerkey_subject_provider" to table: "provider_keys"
CREATE UNIQUE INDEX `providerkey_subject_provider` ON `provider_keys` (`subject`, `provider`);
-- Create index "providerkey_organisation_id" to table: "provider_keys"
CREATE INDEX `providerkey_organisation_id` ON `provider_keys` (`organisation_id`);
-- Create index "providerkey_project_id" to table: "provider_keys"
CREATE INDEX `providerkey_project_id` ON `provider_keys` (`project_id`);
