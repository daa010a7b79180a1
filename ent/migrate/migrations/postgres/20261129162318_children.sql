-- Modify "runs" table
ALTER TABLE "runs" ADD COLUMN "depth" bigint NOT NULL DEFAULT 0, ADD COLUMN "parent_id" character varying NULL COLLATE "C", ADD CONSTRAINT "runs_runs_children" FOREIGN KEY ("parent_id") REFERENCES "runs" ("id") ON UPDATE NO ACTION ON DELETE SET NULL;
-- Create index "run_parent_id" to table: "runs"
CREATE INDEX "run_parent_id" ON "runs" ("parent_id");
