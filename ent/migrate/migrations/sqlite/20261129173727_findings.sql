-- Create "findings" table
CREATE TABLE `findings` (`id` text NOT NULL, `created_at` datetime NOT NULL, `branch` text NOT NULL, `fingerprint` text NOT NULL, `found_by` text NOT NULL, `rule` text NOT NULL, `title` text NOT NULL, `file` text NOT NULL, `line` integer NOT NULL, `severity` text NOT NULL, `evidence` text NOT NULL, `remedy` text NOT NULL, `cwe` integer NOT NULL DEFAULT (0), `revision` text NOT NULL, `state` text NOT NULL, `reason` text NOT NULL DEFAULT (''), `decided_by_id` text NULL, `seen_at` datetime NOT NULL, `project_id` text NOT NULL, `run_id` text NULL, `agent_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `findings_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `findings_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL, CONSTRAINT `findings_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE SET NULL);
-- Create index "finding_project_id_branch_fingerprint" to table: "findings"
CREATE UNIQUE INDEX `finding_project_id_branch_fingerprint` ON `findings` (`project_id`, `branch`, `fingerprint`);
-- Create index "finding_project_id_state" to table: "findings"
CREATE INDEX `finding_project_id_state` ON `findings` (`project_id`, `state`);
-- Create index "finding_run_id" to table: "findings"
CREATE INDEX `finding_run_id` ON `findings` (`run_id`);
-- Create "security_scans" table
CREATE TABLE `security_scans` (`id` text NOT NULL, `created_at` datetime NOT NULL, `branch` text NOT NULL, `revision` text NOT NULL, `checks` json NOT NULL, `not_assessed` json NULL, `advisories_date` text NOT NULL, `files` integer NOT NULL, `skipped` integer NOT NULL, `project_id` text NOT NULL, `run_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `security_scans_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `security_scans_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Create index "securityscan_project_id_branch_id" to table: "security_scans"
CREATE INDEX `securityscan_project_id_branch_id` ON `security_scans` (`project_id`, `branch`, `id`);
-- Create index "securityscan_run_id" to table: "security_scans"
CREATE INDEX `securityscan_run_id` ON `security_scans` (`run_id`);
