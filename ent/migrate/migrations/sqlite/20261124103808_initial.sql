-- Create "agents" table
CREATE TABLE `agents` (`id` text NOT NULL, `created_at` datetime NOT NULL, `slug` text NOT NULL, `name` text NOT NULL, `description` text NOT NULL, PRIMARY KEY (`id`));
-- Create index "agents_slug_key" to table: "agents"
CREATE UNIQUE INDEX `agents_slug_key` ON `agents` (`slug`);
-- Create "api_keys" table
CREATE TABLE `api_keys` (`id` text NOT NULL, `created_at` datetime NOT NULL, `name` text NOT NULL, `prefix` text NOT NULL, `hash` blob NOT NULL, `expires_at` datetime NULL, `last_used_at` datetime NULL, `revoked_at` datetime NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `api_keys_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "api_keys_hash_key" to table: "api_keys"
CREATE UNIQUE INDEX `api_keys_hash_key` ON `api_keys` (`hash`);
-- Create index "apikey_user_id" to table: "api_keys"
CREATE INDEX `apikey_user_id` ON `api_keys` (`user_id`);
-- Create "conversations" table
CREATE TABLE `conversations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `title` text NOT NULL, `next_position` integer NOT NULL DEFAULT (0), `updated_at` datetime NOT NULL, `project_id` text NOT NULL, `author_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `conversations_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `conversations_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL);
-- Create index "conversation_project_id" to table: "conversations"
CREATE INDEX `conversation_project_id` ON `conversations` (`project_id`);
-- Create "events" table
CREATE TABLE `events` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `seq` integer NOT NULL, `type` text NOT NULL, `run_id` text NOT NULL DEFAULT (''), `payload` blob NOT NULL, `at` integer NOT NULL, `stream_id` text NOT NULL, CONSTRAINT `events_streams_stream` FOREIGN KEY (`stream_id`) REFERENCES `streams` (`id`) ON DELETE CASCADE);
-- Create index "event_stream_id_seq" to table: "events"
CREATE UNIQUE INDEX `event_stream_id_seq` ON `events` (`stream_id`, `seq`);
-- Create index "event_run_id_seq" to table: "events"
CREATE INDEX `event_run_id_seq` ON `events` (`run_id`, `seq`) WHERE run_id <> '';
-- Create "git_objects" table
CREATE TABLE `git_objects` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `hash` text NOT NULL, `kind` integer NOT NULL, `size` integer NOT NULL, `data` blob NOT NULL, `project_id` text NOT NULL, CONSTRAINT `git_objects_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "gitobject_project_id_hash" to table: "git_objects"
CREATE UNIQUE INDEX `gitobject_project_id_hash` ON `git_objects` (`project_id`, `hash`);
-- Create "git_refs" table
CREATE TABLE `git_refs` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `name` text NOT NULL, `hash` text NOT NULL, `size` integer NOT NULL DEFAULT (0), `project_id` text NOT NULL, CONSTRAINT `git_refs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE);
-- Create index "gitref_project_id_name" to table: "git_refs"
CREATE UNIQUE INDEX `gitref_project_id_name` ON `git_refs` (`project_id`, `name`);
-- Create "idempotency_keys" table
CREATE TABLE `idempotency_keys` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `operation` text NOT NULL, `key` text NOT NULL, `input_hash` blob NOT NULL, `result_id` text NOT NULL, `expires_at` datetime NOT NULL, `user_id` text NOT NULL, CONSTRAINT `idempotency_keys_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "idempotencykey_user_id_operation_key" to table: "idempotency_keys"
CREATE UNIQUE INDEX `idempotencykey_user_id_operation_key` ON `idempotency_keys` (`user_id`, `operation`, `key`);
-- Create index "idempotencykey_expires_at" to table: "idempotency_keys"
CREATE INDEX `idempotencykey_expires_at` ON `idempotency_keys` (`expires_at`);
-- Create "memberships" table
CREATE TABLE `memberships` (`id` text NOT NULL, `created_at` datetime NOT NULL, `role` text NOT NULL, `project_id` text NOT NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `memberships_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `memberships_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "membership_project_id_user_id" to table: "memberships"
CREATE UNIQUE INDEX `membership_project_id_user_id` ON `memberships` (`project_id`, `user_id`);
-- Create index "membership_user_id" to table: "memberships"
CREATE INDEX `membership_user_id` ON `memberships` (`user_id`);
-- Create "messages" table
CREATE TABLE `messages` (`id` text NOT NULL, `created_at` datetime NOT NULL, `role` text NOT NULL, `status` text NOT NULL, `text` text NOT NULL DEFAULT (''), `position` integer NOT NULL, `step` integer NOT NULL DEFAULT (0), `demo` bool NOT NULL DEFAULT (false), `carry` blob NULL, `completed_at` datetime NULL, `conversation_id` text NOT NULL, `project_id` text NOT NULL, `author_id` text NULL, `agent_id` text NULL, `run_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `messages_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `messages_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `messages_users_author` FOREIGN KEY (`author_id`) REFERENCES `users` (`id`) ON DELETE SET NULL, CONSTRAINT `messages_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE SET NULL, CONSTRAINT `messages_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE SET NULL);
-- Create index "message_conversation_id_position" to table: "messages"
CREATE UNIQUE INDEX `message_conversation_id_position` ON `messages` (`conversation_id`, `position`);
-- Create index "message_project_id" to table: "messages"
CREATE INDEX `message_project_id` ON `messages` (`project_id`);
-- Create index "message_run_id" to table: "messages"
CREATE INDEX `message_run_id` ON `messages` (`run_id`);
-- Create "org_memberships" table
CREATE TABLE `org_memberships` (`id` text NOT NULL, `created_at` datetime NOT NULL, `role` text NOT NULL, `organisation_id` text NOT NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `org_memberships_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `org_memberships_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "orgmembership_organisation_id_user_id" to table: "org_memberships"
CREATE UNIQUE INDEX `orgmembership_organisation_id_user_id` ON `org_memberships` (`organisation_id`, `user_id`);
-- Create index "orgmembership_user_id" to table: "org_memberships"
CREATE INDEX `orgmembership_user_id` ON `org_memberships` (`user_id`);
-- Create "organisations" table
CREATE TABLE `organisations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `name` text NOT NULL, `personal` bool NOT NULL DEFAULT (false), PRIMARY KEY (`id`));
-- Create "projects" table
CREATE TABLE `projects` (`id` text NOT NULL, `created_at` datetime NOT NULL, `name` text NOT NULL, `description` text NOT NULL DEFAULT (''), `updated_at` datetime NOT NULL, `organisation_id` text NOT NULL, `owner_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `projects_organisations_organisation` FOREIGN KEY (`organisation_id`) REFERENCES `organisations` (`id`) ON DELETE CASCADE, CONSTRAINT `projects_users_owner` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "project_organisation_id" to table: "projects"
CREATE INDEX `project_organisation_id` ON `projects` (`organisation_id`);
-- Create index "project_owner_id" to table: "projects"
CREATE INDEX `project_owner_id` ON `projects` (`owner_id`);
-- Create "refresh_tokens" table
CREATE TABLE `refresh_tokens` (`id` text NOT NULL, `created_at` datetime NOT NULL, `hash` blob NOT NULL, `used_at` datetime NULL, `session_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `refresh_tokens_sessions_session` FOREIGN KEY (`session_id`) REFERENCES `sessions` (`id`) ON DELETE CASCADE);
-- Create index "refresh_tokens_hash_key" to table: "refresh_tokens"
CREATE UNIQUE INDEX `refresh_tokens_hash_key` ON `refresh_tokens` (`hash`);
-- Create index "refreshtoken_session_id" to table: "refresh_tokens"
CREATE INDEX `refreshtoken_session_id` ON `refresh_tokens` (`session_id`);
-- Create "runs" table
CREATE TABLE `runs` (`id` text NOT NULL, `created_at` datetime NOT NULL, `message_id` text NOT NULL, `state` text NOT NULL, `model` text NOT NULL DEFAULT (''), `step` integer NOT NULL DEFAULT (0), `epoch` integer NOT NULL DEFAULT (0), `lease_owner` text NOT NULL DEFAULT (''), `lease_until` integer NOT NULL DEFAULT (0), `takeovers` integer NOT NULL DEFAULT (0), `cancel_requested` bool NOT NULL DEFAULT (false), `input_tokens` integer NOT NULL DEFAULT (0), `output_tokens` integer NOT NULL DEFAULT (0), `error` text NOT NULL DEFAULT (''), `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `conversation_id` text NOT NULL, `agent_id` text NOT NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `runs_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_agents_agent` FOREIGN KEY (`agent_id`) REFERENCES `agents` (`id`) ON DELETE CASCADE, CONSTRAINT `runs_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "run_project_id" to table: "runs"
CREATE INDEX `run_project_id` ON `runs` (`project_id`);
-- Create index "run_active_conversation" to table: "runs"
CREATE UNIQUE INDEX `run_active_conversation` ON `runs` (`conversation_id`) WHERE state in ('RUNNING', 'WAITING_FOR_APPROVAL', 'WAITING_FOR_INPUT', 'PAUSED');
-- Create index "run_conversation_id_state" to table: "runs"
CREATE INDEX `run_conversation_id_state` ON `runs` (`conversation_id`, `state`);
-- Create index "run_lease" to table: "runs"
CREATE INDEX `run_lease` ON `runs` (`lease_until`) WHERE lease_until > 0;
-- Create "sessions" table
CREATE TABLE `sessions` (`id` text NOT NULL, `created_at` datetime NOT NULL, `expires_at` datetime NOT NULL, `revoked_at` datetime NULL, `user_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `sessions_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "session_user_id" to table: "sessions"
CREATE INDEX `session_user_id` ON `sessions` (`user_id`);
-- Create "signing_keys" table
CREATE TABLE `signing_keys` (`id` text NOT NULL, `created_at` datetime NOT NULL, `public_key` blob NOT NULL, `private_key` blob NOT NULL, `wrapped` bool NOT NULL DEFAULT (false), `retired_at` datetime NULL, PRIMARY KEY (`id`));
-- Create "streams" table
CREATE TABLE `streams` (`id` text NOT NULL, `head` integer NOT NULL DEFAULT (0), `horizon` integer NOT NULL DEFAULT (0), PRIMARY KEY (`id`));
-- Create "tool_calls" table
CREATE TABLE `tool_calls` (`id` text NOT NULL, `created_at` datetime NOT NULL, `position` integer NOT NULL, `call_id` text NOT NULL, `name` text NOT NULL, `input` text NOT NULL, `output` text NOT NULL DEFAULT (''), `state` text NOT NULL, `started_at` datetime NULL, `finished_at` datetime NULL, `project_id` text NOT NULL, `run_id` text NOT NULL, `message_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `tool_calls_projects_project` FOREIGN KEY (`project_id`) REFERENCES `projects` (`id`) ON DELETE CASCADE, CONSTRAINT `tool_calls_runs_run` FOREIGN KEY (`run_id`) REFERENCES `runs` (`id`) ON DELETE CASCADE, CONSTRAINT `tool_calls_messages_message` FOREIGN KEY (`message_id`) REFERENCES `messages` (`id`) ON DELETE CASCADE);
-- Create index "toolcall_message_id_position" to table: "tool_calls"
CREATE UNIQUE INDEX `toolcall_message_id_position` ON `tool_calls` (`message_id`, `position`);
-- Create index "toolcall_run_id" to table: "tool_calls"
CREATE INDEX `toolcall_run_id` ON `tool_calls` (`run_id`);
-- Create index "toolcall_project_id" to table: "tool_calls"
CREATE INDEX `toolcall_project_id` ON `tool_calls` (`project_id`);
-- Create "users" table
CREATE TABLE `users` (`id` text NOT NULL, `created_at` datetime NOT NULL, `email` text NOT NULL, `name` text NOT NULL, `password_hash` text NOT NULL, `admin` bool NOT NULL DEFAULT (false), PRIMARY KEY (`id`));
-- Create index "users_email_key" to table: "users"
CREATE UNIQUE INDEX `users_email_key` ON `users` (`email`);
