-- Create index "budget_run_id" to table: "budgets"
CREATE INDEX "budget_run_id" ON "budgets" ("run_id");
