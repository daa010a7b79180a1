-- Modify "projects" table
ALTER TABLE "projects" ADD COLUMN "template" character varying NOT NULL DEFAULT '';
-- Modify "worktrees" table
ALTER TABLE "worktrees" ADD COLUMN "held" character varying NULL;
