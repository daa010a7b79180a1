#!/usr/bin/env bash
# Shows the beginning of what each failed test of a `go test` output said, in short: where
# many packages are tested, it stands far above the end.
set -euo pipefail

awk -v most=30 -v wide=300 '
	/^[[:space:]]*--- FAIL|^panic: |^WARNING: DATA RACE|^fatal error: / { left = most }
	/^(ok|FAIL|\?)[[:space:]]|^[[:space:]]*--- (PASS|SKIP)|^=== / { left = 0 }
	left > 0 { left--; print substr($0, 1, wide) }
' "$1" | head -n 200
