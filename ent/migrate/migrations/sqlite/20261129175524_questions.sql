-- Create "approvals" table
CREATE TABLE `approvals` (`id` text NOT NULL, `created_at` datetime NOT NULL, `class` text NOT NULL, `risk` text NOT NULL, `tool` text NOT NULL, `shown` text NOT NULL, `rule` text NOT NULL, `reason` text NOT NULL DEFAULT (''), `subject` text NOT NULL, `expires_at` datetime NOT NULL, `state` text NOT NULL DEFAULT ('PENDING'), `remember` text NOT NULL DEFAULT ('ONCE'), `until` datetime NULL, `decided_at` datetime NULL, `comment` text NOT NULL DEFAULT (''), `project_id` text NOT NULL, `run_id` text NOT NULL, `tool_call_id` text NOT NULL, `agent_id` text NOT NULL, `decided_by_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `approvals_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `approvals_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `approvals_tool_calls_tool_call` FOREIGN KEY (`tool_call_id`) REFERENCES `tool_calls` (`id`) ON DELETE CASCADE, CONSTRAINT `approvals_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `approvals_users_decided_by` FOREIGN KEY (`decided_by_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "approval_project_id_subject" to table: "approvals"
CREATE INDEX `approval_project_id_subject` ON `approvals` (`project_id`, `subject`);
-- Create index "approval_run_id" to table: "approvals"
CREATE INDEX `approval_run_id` ON `approvals` (`run_id`);
-- Create index "approval_tool_call_id" to table: "approvals"
CREATE UNIQUE INDEX `approval_tool_call_id` ON `approvals` (`tool_call_id`);
-- Create index "approval_pending" to table: "approvals"
CREATE INDEX `approval_pending` ON `approvals` (`expires_at`) WHERE state = 'PENDING';
-- Create "permission_rules" table
CREATE TABLE `permission_rules` (`id` text NOT NULL, `created_at` datetime NOT NULL, `outcome` text NOT NULL, `class` text NULL, `agent` text NOT NULL DEFAULT (''), `tool` text NOT NULL DEFAULT (''), `path` text NOT NULL DEFAULT (''), `command` text NOT NULL DEFAULT (''), `until` datetime NULL, `organisation_id` text NOT NULL, `project_id` text NULL, `created_by_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `permission_rules_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `permission_rules_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `permission_rules_users_created_by` FOREIGN KEY (`created_by_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "permissionrule_organisation_id" to table: "permission_rules"
CREATE INDEX `permissionrule_organisation_id` ON `permission_rules` (`organisation_id`);
-- Create index "permissionrule_project_id" to table: "permission_rules"
CREATE INDEX `permissionrule_project_id` ON `permission_rules` (`project_id`);
-- Create "questions" table
CREATE TABLE `questions` (`id` text NOT NULL, `created_at` datetime NOT NULL, `text` text NOT NULL, `choices` json NULL, `allow_other` bool NOT NULL DEFAULT (false), `fallback` text NOT NULL DEFAULT (''), `stop_answer` text NOT NULL DEFAULT (''), `deadline_at` datetime NOT NULL, `state` text NOT NULL, `answer` text NOT NULL DEFAULT (''), `answered_at` datetime NULL, `project_id` text NOT NULL, `conversation_id` text NOT NULL, `run_id` text NOT NULL, `tool_call_id` text NULL, `agent_id` text NOT NULL, `answered_by_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `questions_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `questions_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `questions_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `questions_tool_calls_tool_call` FOREIGN KEY (`tool_call_id`) REFERENCES `tool_calls` (`id`) ON DELETE CASCADE, CONSTRAINT `questions_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `questions_users_answered_by` FOREIGN KEY (`answered_by_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "question_project_id" to table: "questions"
CREATE INDEX `question_project_id` ON `questions` (`project_id`);
-- Create index "question_conversation_id" to table: "questions"
CREATE INDEX `question_conversation_id` ON `questions` (`conversation_id`);
-- Create index "question_run_id" to table: "questions"
CREATE INDEX `question_run_id` ON `questions` (`run_id`);
-- Create index "question_tool_call_id" to table: "questions"
CREATE INDEX `question_tool_call_id` ON `questions` (`tool_call_id`);
-- Create index "question_open" to table: "questions"
CREATE INDEX `question_open` ON `questions` (`deadline_at`) WHERE state = 'OPEN';
