-- Modify "criterions" table
ALTER TABLE "criterions" ADD COLUMN "problem" text NOT NULL DEFAULT '', ADD COLUMN "checked_tree" character varying NOT NULL DEFAULT '', ADD COLUMN "check_id" character varying NOT NULL DEFAULT '' COLLATE "C";
-- Modify "plans" table
ALTER TABLE "plans" ADD COLUMN "check_tree" character varying NOT NULL DEFAULT '';
