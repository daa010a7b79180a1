-- Create index "event_console" to table: "events"
CREATE INDEX "event_console" ON "events" ("stream_id", "at") WHERE ((type)::text = 'CONSOLE_OUTPUT'::text);
-- Create "console_entries" table
CREATE TABLE "console_entries" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "level" character varying NOT NULL, "text" character varying NOT NULL, "stack" character varying NOT NULL DEFAULT '', "fingerprint" character varying NOT NULL DEFAULT '', "uncaught" boolean NOT NULL DEFAULT false, "count" bigint NOT NULL DEFAULT 1, "url" character varying NOT NULL DEFAULT '', "line" bigint NOT NULL DEFAULT 0, "column" bigint NOT NULL DEFAULT 0, "user_agent" character varying NOT NULL DEFAULT '', "session" character varying NOT NULL DEFAULT '', "project_id" character varying NOT NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "console_entries_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "consoleentry_created_at" to table: "console_entries"
CREATE INDEX "consoleentry_created_at" ON "console_entries" ("created_at");
-- Create index "consoleentry_project_id_fingerprint_id" to table: "console_entries"
CREATE INDEX "consoleentry_project_id_fingerprint_id" ON "console_entries" ("project_id", "fingerprint", "id") WHERE ((fingerprint)::text <> ''::text);
-- Create index "consoleentry_project_id_id" to table: "console_entries"
CREATE INDEX "consoleentry_project_id_id" ON "console_entries" ("project_id", "id");
-- Create "console_keys" table
CREATE TABLE "console_keys" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "key" character varying NOT NULL, "project_id" character varying NOT NULL COLLATE "C", "created_by_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "console_keys_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "console_keys_users_created_by" FOREIGN KEY ("created_by_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "console_keys_key_key" to table: "console_keys"
CREATE UNIQUE INDEX "console_keys_key_key" ON "console_keys" ("key");
-- Create index "consolekey_project_id" to table: "console_keys"
CREATE UNIQUE INDEX "consolekey_project_id" ON "console_keys" ("project_id");
