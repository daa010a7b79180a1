-- Create index "run_unended" to table: "runs"
CREATE INDEX "run_unended" ON "runs" ("state") WHERE (((state)::text <> 'SUCCEEDED'::text) AND ((state)::text <> 'FAILED'::text) AND ((state)::text <> 'CANCELLED'::text));
