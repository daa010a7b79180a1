-- Modify "runs" table
ALTER TABLE "runs" ADD COLUMN "tier" character varying NOT NULL DEFAULT '', ADD COLUMN "waits_until" timestamptz NULL, ADD COLUMN "waits_for" character varying NOT NULL DEFAULT '';
