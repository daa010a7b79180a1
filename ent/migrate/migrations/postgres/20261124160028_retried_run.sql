-- Forget runs that are not there any more
UPDATE "runs" SET "retried_from_id" = NULL WHERE "retried_from_id" NOT IN (SELECT "id" FROM "runs");
-- Modify "runs" table
ALTER TABLE "runs" ADD CONSTRAINT "runs_runs_retries" FOREIGN KEY ("retried_from_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE SET NULL;
