#!/usr/bin/env bash
# Generates everything anew and fails where that changed a file. What was uncommitted
# before doesn't matter.
set -euo pipefail
cd "$(dirname "$0")/.."

state() {
	git ls-files --cached --others --exclude-standard -z | sort -zu |
		while IFS= read -r -d '' file; do
			if [ -f "$file" ]; then
				printf '%s %s\n' "$(git hash-object "$file")" "$file"
			fi
		done
}

before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
state >"$before"
make --no-print-directory generate
state >"$after"
if ! changed=$(diff "$before" "$after"); then
	echo "Generated files are stale. Run make generate and commit:" >&2
	printf '%s\n' "$changed" | sed -n 's/^[<>] [0-9a-f]* /  /p' | sort -u >&2
	exit 1
fi
