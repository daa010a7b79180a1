-- Create index "run_unended" to table: "runs"
CREATE INDEX `run_unended` ON `runs` (`state`) WHERE state <> 'SUCCEEDED' AND state <> 'FAILED' AND state <> 'CANCELLED';
