-- Create "provider_keys" table
CREATE TABLE "provider_keys" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "subject" character varying NOT NULL, "provider" character varying NOT NULL, "ciphertext" bytea NOT NULL, "hint" character varying NOT NULL DEFAULT '', "organisation_id" character varying NOT NULL COLLATE "C", "project_id" character varying NULL COLLATE "C", "created_by_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "provider_keys_organisations_organisation" FOREIGN KEY ("organisation_id") REFERENCES "organisations" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "provider_keys_projects_project" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE, CONSTRAINT "provider_keys_users_created_by" FOREIGN KEY ("created_by_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "providerkey_organisation_id" to table: "provider_keys"
CREATE INDEX "providerkey_organisation_id" ON "provider_keys" ("organisation_id");
-- Create index "providerkey_project_id" to table: "provider_keys"
CREATE INDEX "providerkey_project_id" ON "provider_keys" ("project_id");
-- Create index "providerkey_subject_provider" to table: "provider_keys"
CREATE UNIQUE INDEX "providerkey_subject_provider" ON "provider_keys" ("subject", "provider");
