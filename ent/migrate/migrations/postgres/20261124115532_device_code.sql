-- Create "installations" table
CREATE TABLE "installations" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "single" bigint NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "one_installation" CHECK (single = 1));
-- Create index "installations_single_key" to table: "installations"
CREATE UNIQUE INDEX "installations_single_key" ON "installations" ("single");
-- Create "device_codes" table
CREATE TABLE "device_codes" ("id" character varying NOT NULL COLLATE "C", "created_at" timestamptz NOT NULL, "hash" bytea NOT NULL, "user_code" character varying NOT NULL, "client_name" character varying NOT NULL, "decision" character varying NULL, "expires_at" timestamptz NOT NULL, "polled_at" timestamptz NULL, "used_at" timestamptz NULL, "user_id" character varying NULL COLLATE "C", PRIMARY KEY ("id"), CONSTRAINT "device_codes_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE);
-- Create index "device_codes_hash_key" to table: "device_codes"
CREATE UNIQUE INDEX "device_codes_hash_key" ON "device_codes" ("hash");
-- Create index "device_codes_user_code_key" to table: "device_codes"
CREATE UNIQUE INDEX "device_codes_user_code_key" ON "device_codes" ("user_code");
-- Create index "devicecode_expires_at" to table: "device_codes"
CREATE INDEX "devicecode_expires_at" ON "device_codes" ("expires_at");
-- Create index "devicecode_user_id" to table: "device_codes"
CREATE INDEX "devicecode_user_id" ON "device_codes" ("user_id");
